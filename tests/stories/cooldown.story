title rearm = "cooldown": a key that still fires starts its next run as soon as the cooldown is over
policy cooldown = "6h"; rearm = "cooldown"; stale_after = "9h";
at 0:00   fire ma5 -> dispatch/first
at 0:20   runs success
at 4:00   fire ma5 -> suppressed/cooldown
at 8:00   fire ma5 -> dispatch/first
at 8:20   runs success
at 12:00  fire ma5 -> suppressed/cooldown
at 12:00  expect posts 2
