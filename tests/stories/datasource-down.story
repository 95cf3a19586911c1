title The data source is down for an hour while the key is disarmed: it stays disarmed
policy cooldown = "1h"; settle = "15m";
at 0:00  fire ma5 -> dispatch/first
at 0:10  runs success
at 2:00  nodata ma5 -> ignored/no_data
at 2:30  error ma5 -> ignored/error
at 3:00  fire ma5 -> suppressed/not_rearmed
at 3:00  expect posts 1
