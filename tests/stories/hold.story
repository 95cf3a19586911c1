title hold = "10m": the key must fire that long without a break; a resolve in time ends it
policy hold = "10m"; cooldown = "1h"; settle = "15m";
at 0:00  fire ma5 -> held/hold
at 0:06  resolve ma5 -> resolved/cancelled
at 0:20  fire ma5 -> held/hold
at 0:24  fire ma20 -> held/joined
at 0:30  timer -> dispatch/first
at 0:40  runs success
at 0:50  resolve ma5 ma20 -> resolved/quiet resolved/quiet
at 0:50  expect posts 1
