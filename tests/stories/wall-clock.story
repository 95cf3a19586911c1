title The wall clock jumps a day ahead while the relay is down: the cooldown is as long as before
policy cooldown = "6h"; rearm = "cooldown";
at 0:00  fire ma5 -> dispatch/first
at 0:10  runs success
at 1:00  quit
at 1:10  wall +24:00
at 1:20  up
at 5:59  fire ma5 -> suppressed/cooldown
at 6:01  fire ma5 -> dispatch/first
at 6:01  expect posts 2
