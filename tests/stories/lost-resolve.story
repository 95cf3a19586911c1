title One resolve is lost: the ghost leaves after stale_after
policy stale_after = "9h"; cooldown = "1h"; settle = "15m"; rearm_after = "0s";
at 0:00   fire ma5 -> dispatch/first
at 0:10   runs success
at 1:00   fire ma20 -> suppressed/not_rearmed
at 2:00   resolve ma20 -> resolved/noted          # that of ma5 was lost
at 8:59   fire ma20 -> suppressed/not_rearmed
at 8:59   resolve ma20 -> resolved/noted
at 9:20   fire ma20 -> dispatch/first             # quiet since 9:00, which is longer than settle
at 9:20   expect posts 2
