"""The one allow-list of settings: for SET, set_config, start-up parameters and `options` (soundness 49).

Owns which settings a client may change, and to which values. Knows no SQL and no protocol: names and values as strings.
A setting belongs here if it changes how things are shown, planned or timed, and not what they mean to the decision.
"""

from __future__ import annotations

import re

from hoopfast.errors import PolicyDenied

__all__ = ["SINGLE_BYTE_ENCODINGS", "encoding_kind", "reset_allowed", "setting_allowed", "startup_parameters"]

_ANY = frozenset(
    """
    application_name bytea_output constraint_exclusion cursor_tuple_fraction datestyle default_statistics_target
    default_tablespace default_text_search_config default_transaction_deferrable default_transaction_isolation
    default_transaction_read_only effective_cache_size effective_io_concurrency extra_float_digits
    from_collapse_limit geqo hash_mem_multiplier idle_in_transaction_session_timeout idle_session_timeout
    intervalstyle jit jit_above_cost join_collapse_limit lc_messages lc_monetary lc_numeric lc_time lock_timeout
    maintenance_work_mem max_parallel_workers_per_gather min_parallel_index_scan_size min_parallel_table_scan_size
    parallel_setup_cost parallel_tuple_cost plan_cache_mode quote_all_identifiers random_page_cost seq_page_cost
    search_path statement_timeout synchronize_seqscans tcp_keepalives_count tcp_keepalives_idle
    tcp_keepalives_interval tcp_user_timeout temp_buffers temp_tablespaces timezone transaction_deferrable
    transaction_isolation transaction_read_only transaction_timeout work_mem xmlbinary xmloption
    gin_fuzzy_search_limit check_function_bodies default_toast_compression client_connection_check_interval
    stats_fetch_consistency array_nulls vacuum_cost_delay vacuum_cost_limit timezone_abbreviations
    """.split()
)
_PLANNER = re.compile(
    r"enable_[a-z_]+|geqo_[a-z_]+|(?:vacuum|maintenance)_[a-z_]+_cost|cpu_[a-z_]+_cost|jit_[a-z_]+_cost"
)
# What shows more than the query's result, or what changes what SQL means, is set only to its harmless value.
_VALUES = {
    "standard_conforming_strings": {"on", "true", "yes", "1"},
    "escape_string_warning": {"on", "off", "true", "false", "yes", "no", "1", "0"},
    "row_security": {"on", "off", "true", "false", "yes", "no", "1", "0"},
    "synchronous_commit": {"on", "off", "local", "remote_write", "remote_apply", "true", "false"},
    "client_min_messages": {"notice", "warning", "error"},
    "default_table_access_method": {"heap"},
    "backslash_quote": {"safe_encoding"},
    "transform_null_equals": {"off", "false", "no", "0"},
    "session_replication_role": {"origin"},
    "restrict_nonsystem_relation_kind": {"view", "foreign-table", "view, foreign-table", "view,foreign-table"},
}
# Dotted names belong to extensions or to the application; an extension's may show or load things.
_OWNED_PREFIXES = frozenset(
    "auto_explain pg_stat_statements plperl plpgsql pltcl plpython pgaudit pg_hint_plan session_preload"
    " auth_delay sepgsql passwordcheck pg_prewarm basic_archive pg_overexplain postgres_fdw dblink file_fdw"
    " timescaledb citus pgsodium vault anon supautils pg_cron cron set_user".split()
)
_DOTTED = re.compile(r"[a-z_][a-z0-9_$]*(?:\.[a-z_][a-z0-9_$]*)+")
_ALIASES = {"time zone": "timezone", "names": "client_encoding", "transaction isolation level": "transaction_isolation"}

SINGLE_BYTE_ENCODINGS = frozenset(
    "SQLASCII LATIN1 LATIN2 LATIN3 LATIN4 LATIN5 LATIN6 LATIN7 LATIN8 LATIN9 LATIN10 ISO88591 ISO88592 ISO88593"
    " ISO88594 ISO88595 ISO88596 ISO88597 ISO88598 ISO88599 ISO885910 ISO885913 ISO885914 ISO885915 ISO885916"
    " WIN866 WIN874 WIN1250 WIN1251 WIN1252 WIN1253 WIN1254 WIN1255 WIN1256 WIN1257 WIN1258 WINDOWS866 WINDOWS874"
    " WINDOWS1250 WINDOWS1251 WINDOWS1252 WINDOWS1253 WINDOWS1254 WINDOWS1255 WINDOWS1256 WINDOWS1257 WINDOWS1258"
    " KOI8R KOI8U KOI8".split()
)
_UTF8 = frozenset(("UTF8", "UNICODE"))


def encoding_kind(name: str) -> str | None:
    """ "utf8", "single" for a single-byte encoding, None for one that is not allowed; spelt as the server reads it."""
    plain = re.sub(r"[^A-Za-z0-9]", "", name).upper()  # clean_encoding_name, src/common/encnames.c
    if plain in _UTF8:
        return "utf8"
    return "single" if plain in SINGLE_BYTE_ENCODINGS else None


def setting_allowed(name: str, value: str | None) -> bool:
    """Whether a client may set this to that; value None: to its default, or to what is not known here."""
    name = _ALIASES.get(name.lower(), name.lower())
    if name in _ANY or _PLANNER.fullmatch(name):
        return True
    if name == "client_encoding":
        return value is not None and encoding_kind(value) is not None
    if name in _VALUES:
        return value is not None and value.strip().lower() in _VALUES[name]
    return _DOTTED.fullmatch(name) is not None and name.split(".")[0] not in _OWNED_PREFIXES


def reset_allowed(name: str) -> bool:
    """Whether a client may reset this to its default: what it could not change it may not reset, encodings apart."""
    lowered = _ALIASES.get(name.lower(), name.lower())
    return lowered == "all" or lowered in _VALUES or lowered == "client_encoding" or setting_allowed(lowered, None)


def startup_parameters(parameters: dict[str, str]) -> dict[str, str]:
    """The parameters of a start-up packet that go to the server, `options` taken apart; PolicyDenied for any other."""
    allowed: dict[str, str] = {}
    for name, value in parameters.items():
        lowered = name.lower()
        if lowered in ("user", "database") or lowered.startswith("_pq_."):
            continue
        if lowered == "replication":
            if value.lower() not in ("off", "false", "no", "0"):
                raise PolicyDenied(
                    "replication connections are not possible through this gateway", hint="connect without replication="
                )
            continue
        settings = _options(value) if lowered == "options" else [(lowered, value)]
        for setting, setting_value in settings:
            if not setting_allowed(setting, setting_value):
                raise PolicyDenied(
                    f'the start-up parameter "{_shown(setting)}" may not be set to this value through this gateway',
                    hint="leave it out of the connection string, of PGOPTIONS and of the driver's settings",
                )
            allowed[setting] = setting_value
    return allowed


def _shown(name: str) -> str:
    return name if re.fullmatch(r"[a-z0-9_.\- ]{1,63}", name) else "?"


def _options(text: str) -> list[tuple[str, str]]:
    """`-c name=value` and `--name=value`, split as pg_split_opts does (src/backend/utils/init/postinit.c)."""
    words = [re.sub(r"\\(.)", r"\1", word) for word in re.findall(r"(?:\\.|[^\s\\])+", text)]
    found: list[tuple[str, str]] = []
    waiting = iter(words)
    for word in waiting:
        if word == "-c":
            pair = next(waiting, "")
        elif (word.startswith("--") and len(word) > 2) or word.startswith("-c"):
            pair = word[2:]
        else:
            raise PolicyDenied(
                "`options` may hold only -c name=value and --name=value", hint="leave other switches out of PGOPTIONS"
            )
        name, equals, value = pair.partition("=")
        if not equals:
            raise PolicyDenied("`options` holds a setting without a value", hint="write -c name=value")
        found.append((name.replace("-", "_").lower(), value))
    return found
