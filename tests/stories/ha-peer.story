title A second Grafana sends the same alert three seconds later: no second run
at 0:00     fire ma5 -> dispatch/first
at 0:00:03  fire ma5@0:00:03 -> suppressed/duplicate
at 0:10     runs success
at 4:00     fire ma5@0:00 -> suppressed/not_rearmed
at 4:00:03  fire ma5@0:00:03 -> suppressed/not_rearmed
at 4:00:03  expect posts 1
