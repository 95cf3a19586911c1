title GitHub is down for three hours and the alert resolves meanwhile: no run
policy expires = "6h";
at 0:00  github down
at 0:00  fire ma5 -> dispatch/first
at 1:00  expect request queued(not_sent)
at 1:30  resolve ma5 -> resolved/cancelled
at 1:30  expect request dead(resolved)
at 3:00  github up
at 9:00  expect request dead(resolved)
at 9:00  fire ma5 -> dispatch/first            # nothing ran: no cooldown, no disarming
at 9:00  expect request accepted
