/* watch.h - tells when files change, also when they are replaced or appear.
 *
 * Watches the folder of each path (inotify), since editors rename and Kubernetes swaps a symlink
 * (`..data`) instead of writing the file; events are gathered until 200 ms were quiet (2 s at
 * most), and then a change is reported only when a path's device, inode, size, modification time or
 * existence differs from what it was. One named thread of its own.
 *
 * inotify does not see everything: folders that are missing or were swapped for others, links to
 * files elsewhere, network file systems. So the thread also looks for itself every 5 s. Where
 * inotify is used up (fs.inotify.max_user_watches) that is all there is. */
#ifndef RELAY_BASE_WATCH_H
#define RELAY_BASE_WATCH_H

#include "relay/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct watch;

/* changed(context, path, exists) runs on the watch's thread, once per changed path; it must not
 * call watch_stop(). path is the watch's own copy. A path that is a link stands for what it leads
 * to; one that leads nowhere, or may not be looked at, does not exist. Changes after watch_start()
 * returned are never missed, so start first, then read. -EINVAL for an empty path. */
__attribute__((warn_unused_result)) int
watch_start(struct watch **out, const char *const *paths, size_t n,
            void (*changed)(void *context, const char *path, bool exists), void *context,
            struct error *err);
void watch_stop(struct watch *w); /* after it no callback runs; NULL is fine */
void watch_stop_p(struct watch **w);

#endif
