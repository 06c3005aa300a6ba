# SPDX-License-Identifier: Apache-2.0
# Bash completion of mpmstats(1). Commands, options and keys come from the program
# itself.

_mpmstats()
{
    local program=$1 cur=$2 prev=$3 word command=
    local -i i

    # bash splits words at =: --json=pretty is three words
    if [[ $prev == '=' ]]; then
        prev=${COMP_WORDS[COMP_CWORD-2]}
    elif [[ $cur == '=' ]]; then
        cur=
    fi

    case $prev in
    --from|--segment|--cacert|--unix-socket|--write|--since|--config)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return ;;
    --conf-dir|--server-root)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
        return ;;
    --instance)
        mapfile -t COMPREPLY < <(compgen -W "$(cd /etc && printf '%s\n' apache2-*/ | sed -n 's/^apache2-\([^*]*\)\/$/\1/p')" -- "$cur")
        return ;;
    --kind)
        mapfile -t COMPREPLY < <(compgen -W 'start graceful restart stop crash saturated relieved overflow' -- "$cur")
        return ;;
    --target)
        mapfile -t COMPREPLY < <(compgen -W 'queue.p99' -- "$cur")
        return ;;
    --json)
        if [[ ${COMP_WORDS[COMP_CWORD-1]} == '=' || ${COMP_WORDS[COMP_CWORD]} == '=' ]]; then
            mapfile -t COMPREPLY < <(compgen -W 'auto pretty compact' -- "$cur")
            return
        fi ;;
    --url|-u|--timeout|--user|--default|--interval|--count|--first|--pid|--min-age|--max-age|--vhost|--client|--request|--handler|--for|--memory|--verify|--apachectl)
        return ;;
    esac

    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case ${COMP_WORDS[i-1]} in
        --url|-u|--unix-socket|--segment|--instance|--from|--timeout|--cacert|--user|=) continue ;;
        esac
        if [[ $word == [a-z]* ]]; then
            command=$word
            break
        fi
    done

    case $command in
    save|diff) compopt -o filenames 2>/dev/null ;;
    esac

    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$("$program" $command --help 2>/dev/null |
            sed -n 's/^  \(-.,\|   \) \(--[a-z-]*\).*/\2/p')" -- "$cur")
    elif [[ -z $command ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$("$program" --help 2>/dev/null |
            sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')" -- "$cur")
    elif [[ $command == get || $command == watch ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$("$program" get --list 2>/dev/null |
            sed -n '2,$s/^\([a-z][^ ]*\) .*/\1/p')" -- "$cur")
    elif [[ $command == save || $command == diff ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    fi
} &&
complete -F _mpmstats mpmstats
