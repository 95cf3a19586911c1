title A reload that shortens a running cooldown acts at once
policy cooldown = "6h"; rearm = "cooldown";
at 0:00  fire ma5 -> dispatch/first
at 0:10  runs success
at 2:00  fire ma5 -> suppressed/cooldown
at 2:10  reload cooldown = "1h"; rearm = "cooldown";
at 2:20  fire ma5 -> dispatch/first
at 2:20  expect posts 2
