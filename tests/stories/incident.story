title GitHub is down from 1:00 to 4:00 and the threshold is raised at 2:00: only what fires above the new one gets its run
policy cooldown = "6h"; settle = "15m";
at 0:30  fire ma5 -> dispatch/first
at 0:40  runs success
at 1:00  github down
at 1:10  fire ma5/m2 ma5/m3 -> dispatch/first dispatch/first
at 1:30  fire ma5 -> suppressed/not_rearmed
at 2:00  edit ma5 ma5/m2 ma5/m3 -> resolved/quiet resolved/cancelled resolved/cancelled   # Grafana resolves all of an edited rule …
at 2:05  fire ma5/m3@2:05 -> dispatch/first                 # … and fires for what is above the new threshold
at 3:59  expect request queued(not_sent)
at 4:00  github up
at 4:15  expect request running
at 4:30  runs success
at 4:40  expect request done(success)
at 4:45  fire ma5/m3@2:05 -> suppressed/not_rearmed
at 5:00  quit
