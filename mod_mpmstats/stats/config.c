/* SPDX-License-Identifier: Apache-2.0 */
/* Directives with a context: kept where httpd keeps them, merged from the outside in. */
#include "stats/config.h"

#include <string.h>

#include "apr_strings.h"

extern module AP_MODULE_DECLARE_DATA mpmstats_module;

/* Says that the MPM's own name is wanted, where an outer section says otherwise. */
static const char own_name[] = "";

const config_dir_t *config_of_request(const request_rec *r)
{
    return ap_get_module_config(r->per_dir_config, &mpmstats_module);
}

void *config_dir_create(apr_pool_t *pool, char *dir)
{
    (void)dir;
    return apr_pcalloc(pool, sizeof(config_dir_t));
}

void *config_dir_merge(apr_pool_t *pool, void *base, void *add)
{
    const config_dir_t *outer = base;
    const config_dir_t *inner = add;
    config_dir_t *merged = apr_pcalloc(pool, sizeof(*merged));

    merged->auto_mpm = inner->auto_mpm != NULL ? inner->auto_mpm : outer->auto_mpm;
    return merged;
}

const char *config_set_auto_mpm(cmd_parms *cmd, void *dir, const char *name)
{
    static const char *const names[] = {"event", "worker", "prefork"};
    config_dir_t *config = dir;

    if (strcasecmp(name, "real") == 0) {
        config->auto_mpm = own_name;
        return NULL;
    }
    for (apr_size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcasecmp(name, names[i]) == 0) {
            config->auto_mpm = names[i];
            return NULL;
        }
    }
    return apr_psprintf(cmd->pool, "%s must be real, event, worker or prefork, not '%s'",
                        cmd->cmd->name, name);
}
