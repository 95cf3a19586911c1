title The budget is spent, and freed as its slots leave the window
policy rearm = "cooldown"; cooldown = "1h"; budget = { max = 2; per = "6h"; };
at 0:00  fire ma5 -> dispatch/first
at 0:10  runs success
at 2:00  fire ma5 -> dispatch/first
at 2:10  runs success
at 4:00  fire ma5 -> suppressed/budget
at 6:01  fire ma5 -> dispatch/first
at 6:10  runs success
at 7:30  fire ma5 -> suppressed/budget
at 8:01  fire ma5 -> dispatch/first
at 8:01  expect posts 4
