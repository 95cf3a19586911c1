title An alert that fires without end starts a run once per rearm_after
policy rearm_after = "24h"; cooldown = "6h"; stale_after = "9h";
at 0:00   fire ma5 -> dispatch/first
at 0:10   runs success
at 4:00   fire ma5 -> suppressed/not_rearmed
at 8:00   fire ma5 -> suppressed/not_rearmed
at 12:00  fire ma5 -> suppressed/not_rearmed
at 16:00  fire ma5 -> suppressed/not_rearmed
at 20:00  fire ma5 -> suppressed/not_rearmed
at 23:59  fire ma5 -> suppressed/not_rearmed
at 24:01  fire ma5 -> dispatch/first
at 24:10  runs success
at 28:00  fire ma5 -> suppressed/not_rearmed
at 28:00  expect posts 2
