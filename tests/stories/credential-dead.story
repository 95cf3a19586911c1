title The token is dead for seven hours while the alert repeats: a run after it is replaced
policy expires = "6h"; retry_after = "15m";
at 0:00  github unauthorized
at 0:00  fire ma5 -> dispatch/first
at 4:00  fire ma5 -> suppressed/duplicate
at 6:01  expect request dead(expired)
at 6:10  fire ma5 -> suppressed/cooldown        # retry_after
at 7:00  github up
at 8:00  fire ma5 -> dispatch/first
at 8:15  expect request running
at 8:20  runs success
at 8:30  expect request done(success)
