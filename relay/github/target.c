#include "relay/github/target.h"

#include "relay/github/utf8.h"

#include <stddef.h>
#include <string.h>

#define PART_MAX 100 /* GitHub's limit for a repository's name; owners have 39 */
#define TEXT_MAX 255

static bool is_dots(const char *text, size_t len)
{
    return (len == 1 && text[0] == '.') || (len == 2 && memcmp(text, "..", 2) == 0);
}

static size_t part_length(const char *text)
{
    return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
}

bool target_repository_is_valid(const char *repository)
{
    if (repository == NULL)
        return false;
    size_t owner = part_length(repository);
    if (owner == 0 || owner > PART_MAX || is_dots(repository, owner) || repository[owner] != '/')
        return false;
    const char *name = repository + owner + 1;
    size_t len = part_length(name);
    return len > 0 && len <= PART_MAX && !is_dots(name, len) && name[len] == '\0';
}

static bool is_line(const char *text)
{
    if (text == NULL || text[0] == '\0' || strlen(text) > TEXT_MAX || !utf8_is_valid(text))
        return false;
    for (size_t n; *text != '\0'; text += n) {
        n = utf8_char(text);
        if (utf8_is_control(text, n))
            return false;
    }
    return true;
}

bool target_workflow_is_valid(const char *workflow)
{
    return is_line(workflow) && strpbrk(workflow, "/\\") == NULL &&
           !is_dots(workflow, strlen(workflow));
}

/* No component of it may begin with a dot or end with ".lock", and none is empty. */
static bool components_are_valid(const char *ref)
{
    for (const char *part = ref;; part++) {
        size_t len = strcspn(part, "/");
        if (len == 0 || part[0] == '.' || (len >= 5 && memcmp(part + len - 5, ".lock", 5) == 0))
            return false;
        part += len;
        if (*part == '\0')
            return true;
    }
}

bool target_ref_is_valid(const char *ref)
{
    return is_line(ref) && strpbrk(ref, " ~^:?*[\\") == NULL && strstr(ref, "..") == NULL &&
           strstr(ref, "@{") == NULL && strcmp(ref, "@") != 0 && ref[0] != '-' &&
           ref[strlen(ref) - 1] != '.' && components_are_valid(ref);
}
