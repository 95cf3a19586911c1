/* kolmogorov.h - the exact law of the one-sample, two-sided Kolmogorov-Smirnov statistic.
 *
 * P(D_n >= d), with the choice of method that Simard and L'Ecuyer give in "Computing the Two-Sided
 * Kolmogorov-Smirnov Distribution" (J. Stat. Softw. 39(11), 2011), as scipy's kstwo does:
 *   Ruben and Gambino (1982)            both ends, where the law is a short formula
 *   Marsaglia, Tsang, Wang (2003)       Durbin's matrix (J. Stat. Softw. 8(18))
 *   Pelz and Good (1976)                the limit with three corrections (JRSS B 38(2))
 *   Smirnov; Dwass's sum                one side, doubled, where both sides cannot meet
 * Pure; any thread. */
#ifndef MODEL_DRIFT_KOLMOGOROV_H
#define MODEL_DRIFT_KOLMOGOROV_H

/* n >= 1, a whole number. Relative error about 1e-10 at worst. */
double kolmogorov_survival(double n, double d);

#endif
