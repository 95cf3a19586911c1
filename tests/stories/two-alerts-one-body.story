title Two alerts of one model in one notification: one run
at 0:00  fire ma5 ma20 -> dispatch/joined dispatch/first
at 0:00  expect posts 1
at 0:10  runs success
at 4:00  fire ma20 ma5 -> suppressed/not_rearmed suppressed/not_rearmed
at 4:00  expect posts 1
