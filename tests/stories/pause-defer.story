title Fires while its route is paused, defer: decided when the pause ends
policy when_blocked = "defer";
at 0:00  pause route -> done
at 0:10  fire ma5 -> deferred/paused
at 0:20  fire ma5 -> suppressed/duplicate
at 0:20  expect state deferred
at 1:00  resume route -> done
at 1:00  timer -> dispatch/first
at 1:00  expect posts 1
at 1:10  runs success
at 2:00  pause target -> done
at 2:10  fire ma20 -> deferred/paused
at 2:20  resolve ma5 ma20 -> resolved/cancelled resolved/cancelled
at 3:00  resume target -> done
at 4:00  expect posts 1
