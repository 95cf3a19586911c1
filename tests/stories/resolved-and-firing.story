title One resolved and one firing in the same body, in both orders: the key never went quiet
policy cooldown = "1h"; settle = "15m";
at 0:00  fire ma5 -> dispatch/first
at 0:10  runs success
at 2:00  resolve ma5 fire ma20 -> resolved/noted suppressed/not_rearmed
at 3:00  fire ma5 resolve ma20 -> suppressed/not_rearmed resolved/noted
at 4:00  fire ma20 resolve ma5 -> suppressed/not_rearmed resolved/noted
at 4:00  expect posts 1
