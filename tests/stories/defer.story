title when_blocked = "defer": what is blocked waits for the end of its block, and is asked again
policy when_blocked = "defer"; cooldown = "2h"; rearm = "cooldown"; hold = "10m";
at 0:00  fire ma5 -> held/hold
at 0:10  timer -> dispatch/first
at 0:30  fire ma20 -> deferred/running
at 0:40  runs success
at 0:45  timer -> deferred/cooldown
at 1:00  fire ma20 -> suppressed/duplicate
at 2:10  timer -> held/hold
at 2:20  timer -> dispatch/first
at 2:40  runs success
at 3:00  resolve ma5 ma20 -> resolved/quiet resolved/quiet
at 3:00  expect posts 2
