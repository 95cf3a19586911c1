/* history.h - a simulated history as data: the configurations and the events that a seed gives.
 *
 * Every event carries all it needs, so that any part of a history is a history: that is what makes
 * a failing one small. Names (routes, targets, sources, alert instances) are numbers into tables.
 */
#ifndef TESTS_SIM_HISTORY_H
#define TESTS_SIM_HISTORY_H

#include "relay/alert/alert.h"
#include "relay/engine/route.h"
#include "relay/github/target.h"
#include "tests/sim/draw.h"

#define SIM_SOURCES   2
#define SIM_ROUTES    3
#define SIM_TARGETS   3
#define SIM_INSTANCES 12
#define SIM_ITEMS     6
#define SIM_CONFS     4
#define SIM_EVENTS    400
#define SIM_DAY_MS    (24 * 3600 * 1000LL)

/* An alert instance: what Grafana would send of it. */
struct sim_instance {
    const char *fingerprint, *alertname, *action, *model, *zone;
};
extern const struct sim_instance sim_instances[SIM_INSTANCES];
extern const char *const sim_sources[SIM_SOURCES];
extern const char *const sim_routes[SIM_ROUTES];
extern const char *const sim_targets[SIM_TARGETS];

struct sim_route {
    bool present;
    int source;         /* -1: any */
    const char *action; /* the label it wants; NULL: any */
    int key_labels;     /* how many of model, zone */
    int target;
    bool wants_value; /* an input is made of value A, which may be null */
    struct policy policy;
};
struct sim_target {
    bool present;
    int token; /* targets with the same one share a credential */
    enum correlation correlation;
    struct budget_policy budget;
};
struct sim_conf {
    struct sim_route routes[SIM_ROUTES];
    struct sim_target targets[SIM_TARGETS];
};

struct sim_item {
    int instance;
    enum alert_kind kind; /* as sent: ALERT_TEST is told by the instance's alertname only */
    bool administrative;  /* a resolve with a state reason */
    bool value_null;
    int64_t starts_at, ends_at; /* unix ms; TIME_NONE */
};

enum event_kind {
    EVENT_NOTIFY,
    EVENT_ANSWER, /* to one of the exchanges under way */
    EVENT_WAIT,
    EVENT_RELOAD,
    EVENT_STOP_FILE,
    EVENT_COMMAND,
    EVENT_CRASH,   /* … and a start after `amount` ms */
    EVENT_RESTART, /* with a goodbye */
    EVENT_REBOOT,
    EVENT_WALL_JUMP, /* by amount */
    EVENT_FAULT,     /* the store fails */
    EVENT_INCIDENT,  /* GitHub fails for `amount` ms */
    EVENT_KINDS,
};
extern const char *const event_texts[EVENT_KINDS];

struct event {
    enum event_kind kind;
    int64_t after_ms; /* since the event before */
    bool together;    /* with the next event in one batch */
    int64_t amount;   /* ms */
    unsigned which;   /* chooses among what is there */
    unsigned outcome; /* ANSWER: of a table; COMMAND: the command; FAULT: kinds of operations */
    unsigned skip;    /* FAULT */
    unsigned times;   /* FAULT */
    bool flag;        /* STOP_FILE: exists; NOTIFY: dry; FAULT: doubtful */
    int source;       /* NOTIFY … */
    unsigned nonce;   /* the same again is a replay */
    size_t n_items;
    struct sim_item items[SIM_ITEMS];
};

struct history {
    uint64_t seed;
    int64_t wall_ms; /* at the first start */
    struct sim_conf confs[SIM_CONFS];
    size_t n_events;
    struct event events[SIM_EVENTS];
};

void history_make(struct history *h, uint64_t seed, size_t n_events);
/* In words, one line. */
void event_print(const struct event *e, size_t number);

/* The config as text; folder holds the secrets. */
void sim_conf_write(const struct sim_conf *c, const char *folder, struct buf *out);
void sim_conf_draw(struct sim_conf *out, struct draw *d);
/* A few things are otherwise. */
void sim_conf_change(struct sim_conf *c, struct draw *d);
/* The notification's body. */
void event_write_body(const struct event *e, struct buf *out);

#endif
