title rearm = "resolved", settle = "15m": quiet for a moment is the same incident, quiet for settle is a new one
policy cooldown = "1h"; settle = "15m"; rearm_after = "24h";
at 0:00  fire ma5 -> dispatch/first
at 0:20  runs success
at 1:30  resolve ma5 -> resolved/quiet
at 1:40  fire ma5 -> suppressed/not_rearmed
at 2:00  resolve ma5 -> resolved/quiet
at 2:40  fire ma5 -> dispatch/first
at 2:50  runs success
at 2:50  expect posts 2
