title min_alerts = 2: one alert is not enough, two are, and one that leaves ends it
policy min_alerts = 2; hold = "10m"; settle = "15m";
at 0:00  fire ma5 -> suppressed/below_min
at 0:05  fire ma20 -> held/hold
at 0:10  resolve ma5 -> resolved/cancelled
at 0:20  fire ma5 -> held/hold
at 0:30  timer -> dispatch/first
at 0:30  expect posts 1
