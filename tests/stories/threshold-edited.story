title The threshold is edited but the alert still holds: no second run, with a resolve in between or without
policy cooldown = "1h"; settle = "15m";
at 0:00  fire ma5 -> dispatch/first
at 0:10  runs success
at 2:00  resolve ma5 -> resolved/quiet       # the edit: an administrative resolve …
at 2:05  fire ma5@2:05 -> suppressed/not_rearmed   # … and the alert again, as a new one
at 3:00  fire ma5@3:00 -> suppressed/not_rearmed   # an edit without a resolve: another startsAt
at 7:00  fire ma5 -> suppressed/not_rearmed
at 7:00  expect posts 1
