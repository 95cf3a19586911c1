/* must.h - memory without which something that was promised would be lost: an answer of GitHub's, a
 * config that is half read. When there is none, that is logged, and the process ends with status 1:
 * the store keeps all, whoever supervises starts anew, and what was under way is found again. Any
 * thread. */
#ifndef RELAY_BASE_MUST_H
#define RELAY_BASE_MUST_H

#include <stddef.h>

void *must_alloc(size_t n, size_t size) __attribute__((returns_nonnull)); /* zeroed; one for none */
void *must_grow(void *old, size_t n, size_t size) __attribute__((returns_nonnull)); /* n > 0 */
char *must_copy(const char *text) __attribute__((returns_nonnull));
_Noreturn void must_end(void);

#endif
