/* SPDX-License-Identifier: Apache-2.0 */
/* cwmp_plugin.h -- what a plugin of cwmpd and its host expect of each other. ABI major 1, minor 1.

   C99 and C++17, with two extensions of GNU C (__typeof__, __attribute__).

   The rules:
   - No memory changes owner. A text is borrowed: by the callee until it returns, by the host of a table for ever.
   - Nothing unwinds through this border: no C++ exception, no longjmp, no Rust panic.
   - One call covers a whole batch. A request is answered before the call returns, or later with req_done().
   - Writes are prepared without effect, then committed or rolled back. All of it is idempotent for a transaction.
   - A plugin is loaded once and never unloaded. It installs no signal handlers and does not change the working
     directory, the locale or the environment.
   - Structs only grow at their end. Each side says how large its structs are and uses CWMP_HAS() before it reads a member
     that a minor version added; arrays are stepped through by the size their owner states. */
#ifndef CWMP_PLUGIN_H
#define CWMP_PLUGIN_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

#define CWMP_ABI_MAGIC 0x31505743u /* "CWP1" */
#define CWMP_ABI_MAJOR 1u          /* also in the name of the exported symbol */
#define CWMP_ABI_MINOR 1u          /* how many times members were appended */
#define CWMP_STORE_VALUE_MAX 65536u /* bytes of one value of the key-value store */

/* A borrowed text: UTF-8, not terminated; ptr may be NULL only if len is 0. */
typedef struct cwmp_str { const char *ptr; size_t len; } cwmp_str;
typedef struct cwmp_kv { cwmp_str key, value; } cwmp_kv;
/* An argument of a command. A descriptor is borrowed until req_done(); -1 means none. */
typedef struct cwmp_arg { cwmp_str key, value; int32_t fd; uint32_t zero; } cwmp_arg;

/* A request: a slot and a generation, so that a stale one is recognised and never followed. */
typedef uint64_t cwmp_req;
/* Work that the plugin began by itself and that is shown as a job. 0 is work that is not shown. */
typedef uint64_t cwmp_job;

typedef int32_t cwmp_status;
#define CWMP_OK 0                 /* done; of commit: applied                                    */
#define CWMP_PENDING 1            /* req_done() follows, once, from any thread                   */
#define CWMP_OK_AFTER_REBOOT 2    /* of commit: durable, in force after the next reboot          */
#define CWMP_OK_AFTER_SESSION 3   /* of commit: durable, in force when apply() is called         */
#define CWMP_E_INTERNAL (-1)      /* fault 9002 */
#define CWMP_E_DENIED (-2)        /* fault 9001 */
#define CWMP_E_ARGUMENTS (-3)     /* fault 9003 */
#define CWMP_E_RESOURCES (-4)     /* fault 9004 */
#define CWMP_E_NAME (-5)          /* fault 9005 */
#define CWMP_E_TYPE (-6)          /* fault 9006 */
#define CWMP_E_VALUE (-7)         /* fault 9007 */
#define CWMP_E_NOT_WRITABLE (-8)  /* fault 9008 */
#define CWMP_E_NOTIFICATION (-9)  /* fault 9009 */
#define CWMP_E_CANCELLED (-10)
#define CWMP_E_UNSUPPORTED (-11)
#define CWMP_E_BUSY (-12)

/* Values travel as text in their XML Schema lexical form. */
typedef uint32_t cwmp_type;
#define CWMP_STRING 1u
#define CWMP_INT 2u
#define CWMP_UNSIGNED_INT 3u
#define CWMP_LONG 4u
#define CWMP_UNSIGNED_LONG 5u
#define CWMP_BOOLEAN 6u
#define CWMP_DATE_TIME 7u
#define CWMP_BASE64 8u
#define CWMP_HEX_BINARY 9u
#define CWMP_DECIMAL 10u

#define CWMP_NODE_OBJECT (1u << 0)         /* otherwise a parameter                               */
#define CWMP_NODE_TABLE (1u << 1)          /* path ends in "{i}."                                 */
#define CWMP_NODE_WRITABLE (1u << 2)       /* parameter: can be set; table: takes and loses rows  */
#define CWMP_NODE_SECRET (1u << 3)         /* always reads as empty                               */
#define CWMP_NODE_FORCED (1u << 4)         /* active notification cannot be turned off            */
#define CWMP_NODE_PASSIVE (1u << 5)        /* active notification is refused                      */
#define CWMP_NODE_PUSHED (1u << 6)         /* changes are announced with changed()                */
#define CWMP_NODE_COUNTER (1u << 7)        /* never cached, never compared                        */
#define CWMP_NODE_COMMAND (1u << 8)        /* path ends in "()": reached through invoke()         */
#define CWMP_NODE_FORCED_DEFAULT (1u << 9) /* active notification unless turned off               */
#define CWMP_NODE_INFORM (1u << 10)        /* in every Inform                                     */

/* One line of what the plugin serves. The host answers names, types, access and limits from it. */
typedef struct cwmp_node {
  cwmp_str path;    /* "Device.X_DEMO_Lamp.{i}.Colour"; objects end in a dot                      */
  cwmp_type type;   /* 0 for objects and commands                                                 */
  uint32_t flags;   /* CWMP_NODE_*                                                                */
  cwmp_str facets;  /* "" or "enum=Red|Blue;default=Red"; the grammar is in docs/plugin-abi.md    */
} cwmp_node;

#define CWMP_SET 1u
#define CWMP_ADD 2u    /* path is that of the new row, its number chosen by the agent             */
#define CWMP_DELETE 3u /* path is that of the row                                                 */
typedef struct cwmp_change { uint32_t op; cwmp_type type; cwmp_str path, value; } cwmp_change;

#define CWMP_ROW_DELETABLE (1u << 0) /* DeleteObject may remove it                                */
#define CWMP_ROW_READ_ONLY (1u << 1) /* its parameters cannot be set, whatever the table says     */
/* A row. A plugin that has no number of its own gives 0 and a key that stays the same for ever. */
typedef struct cwmp_row { uint32_t number, flags; cwmp_str key, alias; } cwmp_row;

#define CWMP_ORIGIN_ACS 1u
#define CWMP_ORIGIN_BUS 2u
#define CWMP_ORIGIN_AGENT 3u
#define CWMP_ORIGIN_BOOT 4u
/* What is known of a request. Fill in struct_size, then call req_info(). */
typedef struct cwmp_req_info {
  uint32_t struct_size;
  uint32_t origin;      /* CWMP_ORIGIN_*                                                          */
  uint32_t deadline_ms; /* from now; 0 when it has passed                                         */
  uint32_t zero;
  uint64_t session;     /* the session of the ACS, 0 outside                                      */
} cwmp_req_info;

#define CWMP_NOTICE_SESSION_START 1u
#define CWMP_NOTICE_SESSION_END 2u
#define CWMP_NOTICE_CLOCK_TRUSTED 3u
#define CWMP_NOTICE_FACTORY_RESET 4u /* forget everything; repeated until it answers CWMP_OK      */
#define CWMP_NOTICE_SHUTDOWN 5u

/* Services of the host, legal from create() on. Every member may be called from any thread, takes ctx as its first
   argument and copies every text before it returns. */
typedef struct cwmp_host {
  uint32_t struct_size;
  uint16_t abi_major, abi_minor;
  /* Sizes of the elements of arrays that the host hands out. */
  uint32_t change_size, arg_size, str_size, kv_size;
  void *ctx;
  /* Answers to get(): index counts the names of the request. Each index gets one value or one fault. */
  void (*put_value_at)(void *ctx, cwmp_req, size_t index, cwmp_type, cwmp_str value);
  void (*put_fault_at)(void *ctx, cwmp_req, size_t index, cwmp_status, cwmp_str text);
  /* Answer to instances(): index counts the tables of the request. */
  void (*put_row)(void *ctx, cwmp_req, size_t index, const cwmp_row *);
  /* Answer to invoke(). */
  void (*put_output)(void *ctx, cwmp_req, cwmp_str key, cwmp_str value);
  void (*progress)(void *ctx, cwmp_req, int32_t permille, cwmp_str text); /* -1: unknown          */
  int32_t (*cancelled)(void *ctx, cwmp_req);
  cwmp_status (*req_info)(void *ctx, cwmp_req, cwmp_req_info *);
  void (*req_done)(void *ctx, cwmp_req, cwmp_status, cwmp_str text);      /* once for each PENDING */
  void (*changed)(void *ctx, const cwmp_str *paths, size_t n);
  void (*instances_changed)(void *ctx, cwmp_str table);
  /* The name is "X OUI text", or "8 DIAGNOSTICS COMPLETE". CWMP_OK means that the event is stored and will reach the ACS. */
  cwmp_status (*event)(void *ctx, cwmp_str name, const cwmp_kv *args, size_t n);
  void (*log)(void *ctx, int32_t syslog_level, cwmp_str target, cwmp_str text);
  /* The key-value store: durable on return; within commit(), rollback(), finish() and apply() atomic with it. */
  cwmp_status (*store_put)(void *ctx, cwmp_str key, cwmp_str value);
  cwmp_status (*store_get)(void *ctx, cwmp_str key, void (*sink)(void *arg, cwmp_str value), void *arg);
  cwmp_status (*store_delete)(void *ctx, cwmp_str key);
  cwmp_status (*store_list)(void *ctx, cwmp_str prefix, void (*sink)(void *arg, cwmp_str key), void *arg);
  const void *(*extension)(void *ctx, cwmp_str id); /* CWMP_LOOKUP_1; NULL if there is none       */
  /* Since minor 1: a job for work that the plugin began by itself. It never waits for the agent. path is the object that is
     worked on, in full, ending in a dot; text says what is done. 0: it is not shown, and every call with it does nothing. */
  cwmp_job (*job_begin)(void *ctx, cwmp_str path, cwmp_str text);
  void (*job_put)(void *ctx, cwmp_job, cwmp_str key, cwmp_str value);             /* a result     */
  void (*job_progress)(void *ctx, cwmp_job, int32_t permille, cwmp_str text);     /* -1: unknown  */
  int32_t (*job_cancelled)(void *ctx, cwmp_job);                                  /* 0 for job 0  */
  /* Once for each job: CWMP_OK, CWMP_E_CANCELLED, or another error with the reason. */
  void (*job_end)(void *ctx, cwmp_job, cwmp_status, cwmp_str text);
} cwmp_host;

/* An extension of the host: which number belongs to which row that was reported by its key. It lives as long as the host;
   its members take the host's ctx and may be called from any thread. docs/plugin-abi.md says what they answer when. */
#define CWMP_LOOKUP_1 "lookup/1"
typedef struct cwmp_lookup {
  uint32_t struct_size, zero;
  /* The number of a row. A key that has none gets one, for ever: this may ask the agent, and wait for it up to 1 s.
     CWMP_E_NAME: not a table of this plugin. CWMP_E_BUSY: there is no agent to ask yet, or it does not answer. */
  cwmp_status (*number_of)(void *ctx, cwmp_str table, cwmp_str key, uint32_t *number);
  /* The key of a row, given to sink once. CWMP_E_NAME also for a number that no key has. Waits as number_of() does. */
  cwmp_status (*key_of)(void *ctx, cwmp_str table, uint32_t number, void (*sink)(void *arg, cwmp_str key), void *arg);
} cwmp_lookup;

#define CWMP_THREADS_ONE 0u  /* every call on one thread, never overlapping                       */
#define CWMP_THREADS_MANY 1u /* any thread, overlapping                                           */
/* What the plugin exports. Members without "required" may be NULL. */
typedef struct cwmp_plugin {
  uint32_t magic, struct_size;
  uint16_t abi_major, abi_minor;
  uint32_t threads;
  /* Sizes of the elements of arrays that the plugin hands out. */
  uint32_t node_size, kv_size, str_size, zero;
  cwmp_str name, version, build;
  const cwmp_node *nodes; /* used when describe is NULL                                           */
  size_t nodes_len;
  /* required. config is JSON. On CWMP_OK *self is given to every other member. */
  cwmp_status (*create)(const cwmp_host *, cwmp_str config, void **self);
  /* What this piece of hardware has, when it is known only after create(). The table lives as long as self. */
  cwmp_status (*describe)(void *self, const cwmp_node **nodes, size_t *n);
  cwmp_status (*start)(void *self);
  void (*stop)(void *self); /* answers everything pending within 2 s                              */
  void (*destroy)(void *self);
  cwmp_status (*get)(void *self, cwmp_req, const cwmp_str *names, size_t n); /* required; full names */
  cwmp_status (*instances)(void *self, cwmp_req, const cwmp_str *tables, size_t n);
  cwmp_status (*prepare)(void *self, cwmp_req, uint64_t txn, const cwmp_change *, size_t n);
  cwmp_status (*commit)(void *self, cwmp_req, uint64_t txn);
  cwmp_status (*rollback)(void *self, cwmp_req, uint64_t txn); /* legal until finish()            */
  cwmp_status (*finish)(void *self, cwmp_req, uint64_t txn);
  cwmp_status (*apply)(void *self, cwmp_req, uint64_t txn);
  cwmp_status (*watch)(void *self, const cwmp_str *paths, size_t n, uint32_t on);
  cwmp_status (*notice)(void *self, cwmp_req, uint32_t what);
  /* Begins a command, and returns like every other call. One that takes long answers CWMP_PENDING. */
  cwmp_status (*invoke)(void *self, cwmp_req, cwmp_str command, const cwmp_arg *, size_t n);
  /* The answer is not wanted any more; a command answers CWMP_E_CANCELLED within 10 s. From any thread, also while another
     call is at work: the one exception from CWMP_THREADS_ONE. */
  void (*cancel)(void *self, cwmp_req);
  const void *(*extension)(void *self, cwmp_str id);
  /* Since minor 1: somebody wants the job to stop, which it need not. From any thread, also while another call is at work. */
  void (*job_cancel)(void *self, cwmp_job);
} cwmp_plugin;

/* The only symbol that a plugin exports. */
extern __attribute__((visibility("default"))) const cwmp_plugin cwmp_plugin_v1;

/* Whether the other side's struct has this member, and it is not NULL. */
#define CWMP_HAS(s, member) \
  ((s)->struct_size >= offsetof(__typeof__(*(s)), member) + sizeof((s)->member) && (s)->member)

#ifdef __cplusplus
}
#endif
#endif
