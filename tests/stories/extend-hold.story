title extend_hold, hold_max = "25m": each alert that joins lets the hold begin anew, but not for ever
policy hold = "10m"; extend_hold = true; hold_max = "25m";
at 0:00  fire ma5 -> held/hold
at 0:08  fire ma20 -> held/joined
at 0:16  fire psi -> held/joined
at 0:23  fire ks -> held/joined
at 0:25  timer -> dispatch/first
at 0:25  expect posts 1
at 0:35  runs success
at 0:40  expect state disarmed
