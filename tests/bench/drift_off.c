/* drift-model whose predictions are not handed to drift: the linker puts this in the place of
 * monitor_observe(). */
#include "model/monitor/monitor.h"

void __wrap_monitor_observe(struct monitor *m, const double *features, size_t n,
                            double probability_up);

void __wrap_monitor_observe(struct monitor *m, const double *features, size_t n,
                            double probability_up)
{
    (void)m, (void)features, (void)n, (void)probability_up;
}
