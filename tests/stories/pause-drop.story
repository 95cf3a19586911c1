title Fires while its route is paused, drop: decided afresh by its next notification
at 0:00  pause route -> done
at 0:10  fire ma5 -> suppressed/paused
at 1:00  resume route -> done
at 3:00  expect posts 0
at 4:10  fire ma5 -> dispatch/first
at 4:10  expect posts 1
