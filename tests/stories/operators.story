title Operators: cancel before the POST and after it, redeliver, rearm
policy cooldown = "6h"; settle = "15m";
at 0:00  github down
at 0:00  fire ma5 -> dispatch/first
at 0:30  cancel -> done
at 0:30  expect request dead(cancelled)
at 0:40  github up
at 0:45  redeliver -> done
at 0:46  expect request running
at 0:50  redeliver -> conflict
at 1:00  cancel -> done
at 1:10  expect request done(cancelled)
at 4:00  fire ma5 -> suppressed/not_rearmed
at 4:10  rearm -> done
at 5:00  fire ma5 -> dispatch/first
at 5:10  runs success
at 5:15  resolve ma5 -> resolved/quiet
at 5:20  redeliver -> done
at 5:21  expect request running
