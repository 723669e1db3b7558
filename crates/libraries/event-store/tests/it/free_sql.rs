//! Statements of callers, on a real Postgres: what they may do, and that nothing of them lasts.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    time::{Duration, Instant},
};

use event_query::FreeStatement;
use event_store::{FreeAnswer, FreeSql, FreeSqlError, Login};
use sqlx::{AssertSqlSafe, Executor, PgPool};

use crate::support::*;

const TIMEOUT: Duration = Duration::from_millis(700);

/// What becomes of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It does not come to the database.
    Refused,
    /// Postgres refuses it with this SQLSTATE.
    Code(&'static str),
    /// It does not run, for this reason.
    Said(&'static str),
    /// Postgres stops it.
    TooSlow,
    /// It is answered.
    Answered,
    /// It is answered or stopped, as the machine is fast or slow.
    Ends,
}

use Outcome::{Answered, Code, Ends, Refused, Said, TooSlow};

const READ_ONLY: Outcome = Code("25006");
const NOT_ALLOWED: Outcome = Code("42501");
const SYNTAX: Outcome = Code("42601");
/// Writing within a query that is part of another one.
const NESTED: Outcome = Code("0A000");

/// Statements, in which FOLDER is a folder that everybody may write to.
const HOSTILE: [(&str, Outcome); 78] = [
    // Writing
    ("delete from email_events", Refused),
    (
        "insert into batches values ('b', now(), 0, 0, 0, 0)",
        Refused,
    ),
    (
        "with gone as (delete from email_events returning 1) select * from gone",
        NESTED,
    ),
    (
        "with a as (update batches set events = 0 returning 1) table a",
        NESTED,
    ),
    (
        "select * into copied from batches",
        Said("the statement yields no columns"),
    ),
    ("create table t as select 1", Refused),
    ("create temp table t (n int)", Refused),
    ("truncate batches", Refused),
    ("drop table email_events", Refused),
    ("explain analyze delete from email_events", READ_ONLY),
    ("explain analyze create temp table t as select 1", Answered),
    ("select * from batches for update", READ_ONLY),
    ("select ensure_partition('2024-01-01')", NOT_ALLOWED),
    ("select merge_abandon()", NOT_ALLOWED),
    (
        "select merge_begin('2024-06-03Z', '2024-06-17Z')",
        NOT_ALLOWED,
    ),
    ("select nextval('hostile_sequence')", NOT_ALLOWED),
    // Several statements
    ("select 1; drop table email_events", Refused),
    ("select 1; commit; delete from batches", Refused),
    ("select 1 /* ; */; -- \n ; select 2", Refused),
    ("commit", Refused),
    ("rollback; begin; delete from batches", Refused),
    (
        "select 1) as answer (c1); delete from batches; select 1 from (select 1",
        Refused,
    ),
    (
        "select 1) as answer (c1) union all select batch_key from batches as b (c1",
        SYNTAX,
    ),
    ("select 1 /*", SYNTAX),
    ("select 1 --", Answered),
    ("select $1", Said("the statement has parameters")),
    // Files and programs
    ("copy (select 1) to program 'touch FOLDER/written'", Refused),
    ("copy batches to 'FOLDER/written'", Refused),
    ("copy batches from program 'echo'", Refused),
    ("select pg_read_file('/etc/passwd')", NOT_ALLOWED),
    ("select pg_read_binary_file('/etc/passwd')", NOT_ALLOWED),
    ("select * from pg_ls_dir('/')", NOT_ALLOWED),
    ("select * from pg_stat_file('/etc/passwd')", NOT_ALLOWED),
    ("select current_setting('data_directory')", NOT_ALLOWED),
    ("select * from pg_hba_file_rules", NOT_ALLOWED),
    ("select lo_import('/etc/passwd')", Refused),
    ("select lo_create(4711)", Refused),
    ("select lo_from_bytea(0, 'x')", Refused),
    ("select lo_export(1, 'FOLDER/written')", Refused),
    ("load 'FOLDER/x.so'", Refused),
    // Locks
    ("lock table email_events in access exclusive mode", Refused),
    ("select pg_advisory_lock(1)", Refused),
    (
        "select pg_advisory_lock(n) from generate_series(1, 100000000) as n",
        Refused,
    ),
    ("select \"pg_advisory_xact_lock\"(1)", Refused),
    ("select U&\"pg!005fadvisory_lock\" uescape '!' (1)", Refused),
    (
        "select query_to_xml('select pg_advi' || 'sory_lock(1)', true, true, '')",
        Refused,
    ),
    (
        "select * from ts_stat('select pg_advi' || 'sory_lock(1)::text::tsvector')",
        Refused,
    ),
    // Roles and settings
    ("set role cistern_migrator", Refused),
    ("set session authorization cistern_loader", Refused),
    ("reset all", Refused),
    (
        "select set_config('statement_timeout', '0', false), pg_sleep(10)",
        Refused,
    ),
    (
        "select set_config('role', 'cistern_loader', false)",
        Refused,
    ),
    ("set transaction read write", Refused),
    ("alter role cistern_sql superuser", Refused),
    ("select * from pg_authid", NOT_ALLOWED),
    ("select * from pg_user_mapping", NOT_ALLOWED),
    (
        "update pg_settings set setting = '0' where name = 'statement_timeout'",
        Refused,
    ),
    ("select pg_reload_conf()", NOT_ALLOWED),
    // Programs in the statement
    ("do $$ begin perform pg_sleep(10); end $$", Refused),
    ("prepare p as select 1", Refused),
    ("execute p", Refused),
    ("declare c cursor with hold for select 1", Refused),
    ("create extension dblink", Refused),
    (
        "select * from dblink('host=127.0.0.1', 'select 1') as t (n int)",
        Refused,
    ),
    // Other connections
    ("listen everything", Refused),
    ("notify everything", Refused),
    ("select pg_notify('everything', '')", Refused),
    (
        "select pg_terminate_backend(pid) from pg_stat_activity",
        Refused,
    ),
    (
        "select count(query) from pg_stat_activity where usename <> current_user and query <> '<insufficient privilege>'",
        Answered,
    ),
    ("select pg_logical_emit_message(false, 'x', 'y')", Refused),
    // Time and memory
    ("select pg_sleep(60)", TooSlow),
    (
        "select count(*) from generate_series(1, 1000000000000)",
        TooSlow,
    ),
    (
        "with recursive r(n) as (select 1 union all select n + 1 from r) select * from r order by n desc",
        TooSlow,
    ),
    ("select * from generate_series(1, 100000000) as n", Ends),
    ("select length(repeat('x', 1000000000))", Ends),
    ("select repeat('x', 200000000)", Ends),
    (
        "select string_agg(repeat('x', 10000), '') from generate_series(1, 1000000)",
        Ends,
    ),
    ("select repeat('a', 100000) ~ '(((((a*)*)*)*)*)*b'", Ends),
];

/// The database with its roles, and one of callers' statements over it.
async fn free_sql(pool: &PgPool) -> FreeSql {
    store(pool).make_roles().await.unwrap();
    store(pool).migrate().await.unwrap();
    let options = pool.connect_options();
    // That of the owner, as in a local stack, whose role this may be.
    let password = config(pool).url;
    let password = url_password(secrecy::ExposeSecret::expose_secret(&password));
    let sql = postgres_stand_in::password_sql("cistern_sql", &password);
    pool.execute(AssertSqlSafe(sql)).await.unwrap();
    let mut config = config(pool);
    config.login = Login::As {
        user: "cistern_sql".to_owned(),
        password: password.into(),
    };
    assert_ne!(options.get_username(), "cistern_sql");
    "free-sql-test".clone_into(&mut config.application_name);
    config.statement_timeout = TIMEOUT;
    FreeSql::connect_lazy(&config).unwrap()
}

fn url_password(url: &str) -> String {
    let (_, rest) = url.split_once("://").unwrap();
    let (login, _) = rest.split_once('@').unwrap();
    login.split_once(':').unwrap().1.to_owned()
}

/// Runs a statement; one that finds all connections of the role taken by another test tries again.
async fn run(sql: &FreeSql, text: &str) -> Result<FreeAnswer, Option<FreeSqlError>> {
    run_timed(sql, text).await.0
}

/// The same, and how long the statement took, without the attempts before it.
async fn run_timed(
    sql: &FreeSql,
    text: &str,
) -> (Result<FreeAnswer, Option<FreeSqlError>>, Duration) {
    let Ok(statement) = FreeStatement::parse(text) else {
        return (Err(None), Duration::ZERO);
    };
    let deadline = Instant::now() + Duration::from_mins(2);
    loop {
        let began = Instant::now();
        match sql.run(&statement, 1_000, 1 << 20).await {
            Err(FreeSqlError::Store(error))
                if error.is_transient() && Instant::now() < deadline =>
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            other => return (other.map_err(Some), began.elapsed()),
        }
    }
}

fn outcome_of(result: &Result<FreeAnswer, Option<FreeSqlError>>) -> (Option<String>, bool) {
    match result {
        Ok(_) => (None, true),
        Err(Some(FreeSqlError::Statement { code, .. })) => (Some(code.clone()), false),
        Err(Some(other)) => (Some(format!("{other}")), false),
        Err(None) => (Some("refused".to_owned()), false),
    }
}

/// All that a statement could have left behind.
const TRACES: &str = "
    select concat_ws(' ',
        (select count(*) from email_events), (select count(*) from batches),
        (select count(*) from pg_class where relnamespace not in (select oid from pg_namespace where nspname ~ '^pg_temp')),
        (select count(*) from pg_proc), (select count(*) from pg_largeobject_metadata),
        (select count(*) from pg_extension), (select last_value from hostile_sequence),
        (select string_agg(rolname || rolsuper || rolconnlimit, ',' order by rolname) from pg_roles where rolname = 'cistern_sql'))";

const SESSIONS: &str = "
    select (count(*) = 0)::int::bigint from pg_stat_activity
    where datname = current_database() and usename = 'cistern_sql'";

#[sqlx::test(migrations = false)]
async fn hostile_statements_end_in_time_and_leave_nothing_behind(pool: PgPool) {
    let sql = free_sql(&pool).await;
    let batch = batch(events(0..5, THURSDAY));
    store(&pool)
        .load_batch(&key("first"), &batch)
        .await
        .unwrap();
    pool.execute("create sequence hostile_sequence")
        .await
        .unwrap();
    let before = texts(&pool, TRACES).await;
    let folder = tempfile::tempdir().unwrap();
    // The server may be another user's.
    fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();

    let mut wrong = Vec::new();
    for (text, expected) in HOSTILE {
        let text = text.replace("FOLDER", folder.path().to_str().unwrap());
        let (result, took) = run_timed(&sql, &text).await;
        let (code, is_answered) = outcome_of(&result);
        let is_as_expected = match expected {
            Refused => code.as_deref() == Some("refused"),
            Code(expected) => code.as_deref() == Some(expected),
            Said(reason) => code.as_deref().is_some_and(|said| said.starts_with(reason)),
            TooSlow => code.as_deref() == Some("57014"),
            Answered => is_answered,
            Ends => is_answered || matches!(code.as_deref(), Some("57014" | "54000" | "53200")),
        };
        if !is_as_expected {
            wrong.push(format!("{text}: {code:?} is not {expected:?}"));
        }
        if took > Duration::from_secs(20) {
            wrong.push(format!("{text}: took {took:?}"));
        }
        until(&pool, SESSIONS).await;
        if texts(&pool, TRACES).await != before {
            wrong.push(format!("{text}: left something behind"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);

    let locks = "select count(*) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())";
    assert_eq!(number(&pool, locks).await, 0);
    let settings = "select current_setting('statement_timeout'), current_setting('transaction_read_only'), current_user, (select count(*) from pg_stat_activity where query like '%<insuff%' and usename = current_user)";
    let answer = run(&sql, settings).await.unwrap();
    let row: Vec<_> = answer.rows[0]
        .iter()
        .map(|cell| cell.as_deref().unwrap())
        .collect();
    assert_eq!(row[..3], ["700ms", "on", "cistern_sql"]);
}

#[sqlx::test(migrations = false)]
async fn values_of_all_types_come_as_postgres_writes_them(pool: PgPool) {
    let sql = free_sql(&pool).await;

    let answer = run(
        &sql,
        "select 1, 1.50::numeric, null::int, true, '\\x00ff'::bytea, array[1, null], row(1, 'a'), now() - now(),
            '2026-01-01'::timestamptz, '{\"a\": 1}'::jsonb, pg_sleep(0), point(1, 2), 'x' as \"a\"\"b\"",
    )
    .await
    .unwrap();

    let cells: Vec<_> = answer.rows[0].iter().map(Option::as_deref).collect();
    assert_eq!(
        cells,
        [
            Some("1"),
            Some("1.50"),
            None,
            Some("true"),
            Some("\\x00ff"),
            Some("{1,NULL}"),
            Some("(1,a)"),
            Some("PT0S"),
            Some("2026-01-01 00:00:00+00"),
            Some("{\"a\": 1}"),
            Some(""),
            Some("(1,2)"),
            Some("x"),
        ]
    );
    assert_eq!(answer.columns[1].type_name, "numeric");
    assert_eq!(answer.columns[12].name, "a\"b");
    let report = run(&sql, "show transaction_read_only").await.unwrap();
    assert_eq!(report.rows, [[Some("on".to_owned())]]);
    let plan = run(&sql, "explain (format json) select 1").await.unwrap();
    assert!(plan.rows[0][0].as_deref().unwrap().contains("Plan"));
}

#[sqlx::test(migrations = false)]
async fn answers_are_cut_by_rows_by_bytes_and_by_value_and_say_so(pool: PgPool) {
    let sql = free_sql(&pool).await;

    let whole = run(&sql, "select * from generate_series(1, 1000)")
        .await
        .unwrap();
    let rows = run(&sql, "select * from generate_series(1, 1001)")
        .await
        .unwrap();
    let bytes = run(
        &sql,
        "select repeat('é', 30000) from generate_series(1, 100)",
    )
    .await
    .unwrap();
    let value = run(&sql, "select repeat('é', 70000), 'x'").await.unwrap();

    assert_eq!((whole.rows.len(), whole.is_truncated), (1_000, false));
    assert_eq!((rows.rows.len(), rows.is_truncated), (1_000, true));
    assert!(
        bytes.is_truncated && (10..20).contains(&bytes.rows.len()),
        "{bytes:?}"
    );
    assert_eq!((value.cut_values, value.is_truncated), (1, false));
    assert_eq!(value.rows[0][0].as_ref().unwrap().chars().count(), 65_536);
}

#[sqlx::test(migrations = false)]
async fn login_that_may_write_is_not_used(pool: PgPool) {
    let _roles = free_sql(&pool).await;
    let as_owner = FreeSql::connect_lazy(&config(&pool)).unwrap();

    let refused = run(&as_owner, "select 1").await;

    assert!(
        matches!(refused, Err(Some(FreeSqlError::LoginCanWrite))),
        "{refused:?}"
    );
}

#[sqlx::test(migrations = false)]
async fn errors_name_the_place_and_their_debug_text_says_nothing_of_it(pool: PgPool) {
    let sql = free_sql(&pool).await;

    let error = run(&sql, "select 'planted'::int")
        .await
        .unwrap_err()
        .unwrap();

    let FreeSqlError::Statement { code, message, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(code, "22P02");
    assert!(message.contains("planted"));
    assert!(!format!("{error:?} {error}").contains("planted"));
}

/// Loads batches of a thousand events, and returns the time that the median took.
async fn median_load(pool: &PgPool, from: u32) -> Duration {
    const BATCHES: u32 = 15;

    let store = store(pool);
    let mut times = Vec::new();
    for number in from..from + BATCHES {
        let first = number * 1_000;
        let loaded_batch = batch(events(first..first + 1_000, THURSDAY));
        let began = Instant::now();
        let outcome = store
            .load_batch(&key(&format!("b{number}")), &loaded_batch)
            .await;
        times.push(began.elapsed());
        assert_eq!(outcome.unwrap(), loaded(1_000, 0, 0));
    }
    times.sort_unstable();
    times[times.len() / 2]
}

/// The role's limit holds for all processes together; loaders and searches have the other connections.
#[sqlx::test(migrations = false)]
async fn loading_goes_on_while_ten_callers_run_statements_all_the_time(pool: PgPool) {
    let sql = free_sql(&pool).await;
    let heavy = FreeStatement::parse(
        "select count(*), md5(string_agg(n::text, '')) from generate_series(1, 200000) as n",
    )
    .unwrap();
    let alone = median_load(&pool, 0).await;

    let (is_over, answered) = (
        std::sync::atomic::AtomicBool::new(false),
        std::sync::atomic::AtomicU32::new(0),
    );
    let callers = (0..10).map(|_| async {
        while !is_over.load(std::sync::atomic::Ordering::SeqCst) {
            let is_answered = sql.run(&heavy, 10, 1_000).await.is_ok();
            answered.fetch_add(is_answered.into(), std::sync::atomic::Ordering::SeqCst);
        }
    });
    let loading = async {
        let median = median_load(&pool, 100).await;
        is_over.store(true, std::sync::atomic::Ordering::SeqCst);
        median
    };
    let (_, beside) = futures::future::join(futures::future::join_all(callers), loading).await;

    let answered = answered.into_inner();
    println!("a thousand events: {alone:?} alone, {beside:?} beside {answered} statements");
    assert!(answered > 0);
    assert!(
        beside < alone * 10 + Duration::from_millis(500),
        "{alone:?} alone, {beside:?} beside"
    );
    let limit = "select rolconnlimit::bigint from pg_roles where rolname = 'cistern_sql'";
    assert_eq!(number(&pool, limit).await, 4);
}
