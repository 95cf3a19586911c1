title The run failed: the key is armed again, the cooldown stays
policy cooldown = "6h";
at 0:00  fire ma5 -> dispatch/first
at 0:10  runs failure
at 0:15  expect request done(failure)
at 4:00  fire ma5 -> suppressed/cooldown
at 6:01  fire ma5 -> dispatch/first
at 6:01  expect posts 2
