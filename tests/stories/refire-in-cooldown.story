title Resolved, firing again within the cooldown and still after it: a run at the first repeat
policy cooldown = "6h"; settle = "15m";
at 0:00  fire ma5 -> dispatch/first
at 0:10  runs success
at 1:00  resolve ma5 -> resolved/quiet
at 2:00  fire ma5 -> suppressed/cooldown
at 5:59  fire ma5 -> suppressed/cooldown
at 6:01  fire ma5 -> dispatch/first
at 6:01  expect posts 2
