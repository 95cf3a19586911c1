title The stop file while a request is queued: no POST until it is gone
at 0:00  github down
at 0:00  fire ma5 -> dispatch/first
at 0:01  stop
at 0:05  github up
at 0:30  expect request queued(not_sent)
at 0:40  fire ma20 -> suppressed/paused
at 2:00  go
at 2:01  expect request running
