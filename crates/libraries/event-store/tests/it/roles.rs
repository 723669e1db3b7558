//! The roles of functions, on tables owned by the migrator's role.

use event_store::Login;
use sqlx::{
    ConnectOptions, Executor, PgConnection, PgPool,
    migrate::{Migration, Migrator},
};

use crate::support::*;

static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations");

const PASSWORD: &str = "in a test there is no IAM";

fn login(user: &str) -> Login {
    Login::As {
        user: user.to_owned(),
        password: PASSWORD.into(),
    }
}

fn store_of(pool: &PgPool, user: &str) -> event_store::Store {
    let mut config = config(pool);
    config.login = login(user);
    event_store::Store::connect_lazy(&config).unwrap()
}

async fn connection_of(pool: &PgPool, user: &str) -> PgConnection {
    let options = pool.connect_options().as_ref().clone();
    let options = options.username(user).password(PASSWORD);
    options.connect().await.unwrap()
}

/// The SQLSTATE with which a statement is refused.
async fn refusal(connection: &mut PgConnection, sql: &'static str) -> Option<String> {
    let error = connection.execute(sql).await.err()?;
    Some(error.as_database_error()?.code()?.into_owned())
}

const READ_ONLY: &str = "25006";
const NOT_ALLOWED: &str = "42501";

#[sqlx::test(migrations = false)]
async fn each_role_does_its_own_work_and_no_more(pool: PgPool) {
    for _ in 0..2 {
        store(&pool).make_roles().await.unwrap();
    }
    for user in [
        "cistern_migrator",
        "cistern_loader",
        "cistern_query",
        "cistern_eraser",
    ] {
        let sql = postgres_stand_in::password_sql(user, PASSWORD);
        pool.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
    }

    let migrator = store_of(&pool, "cistern_migrator");
    migrator.migrate().await.unwrap();
    migrator.maintain(&no_maintenance(THURSDAY)).await.unwrap();

    let loader = store_of(&pool, "cistern_loader");
    let first = batch(events(0..3, THURSDAY));
    let second = batch(events(1..5, THURSDAY));
    let load = async |name, batch| loader.load_batch(&key(name), batch).await.unwrap();
    assert_eq!(load("first", &first).await, loaded(3, 0, 0));
    assert_eq!(load("second", &second).await, loaded(2, 2, 0));

    // Rows added to a partition during a merge are recorded, although the loader may not write that table.
    let next_week = batch(events(0..1, THURSDAY + time::Duration::WEEK));
    assert_eq!(load("third", &next_week).await, loaded(1, 0, 0));
    let mut owner = connection_of(&pool, "cistern_migrator").await;
    owner
        .execute(
            "select merge_begin('2024-06-03Z', '2024-06-17Z');
             select merge_watch(name) from merge_sources()",
        )
        .await
        .unwrap();
    let late = batch(events(5..7, THURSDAY));
    assert_eq!(load("fourth", &late).await, loaded(2, 0, 0));
    assert_eq!(
        number(&pool, "select count(*) from merging_changes").await,
        2
    );
    owner.execute("select merge_abandon()").await.unwrap();

    let limit = "select rolconnlimit::bigint from pg_roles where rolname = 'cistern_query'";
    let half = "select current_setting('max_connections')::bigint / 2";
    assert_eq!(number(&pool, limit).await, number(&pool, half).await);

    let mut query = connection_of(&pool, "cistern_query").await;
    query
        .execute("select * from email_events, batches, email_events_rejected")
        .await
        .unwrap();
    assert!(
        store_of(&pool, "cistern_query")
            .migration_version()
            .await
            .unwrap()
            > 0
    );
    let write = "insert into batches values ('b', now(), 0, 0, 0, 0)";
    assert_eq!(refusal(&mut query, write).await.unwrap(), READ_ONLY);
    query
        .execute("set default_transaction_read_only = off")
        .await
        .unwrap();
    for sql in [
        write,
        "delete from email_events",
        "update email_events set type = 'x'",
        "select ensure_partition('2024-01-01')",
        "create table t (n integer)",
    ] {
        assert_eq!(
            refusal(&mut query, sql).await.unwrap(),
            NOT_ALLOWED,
            "{sql}"
        );
    }

    let mut eraser = connection_of(&pool, "cistern_eraser").await;
    eraser
        .execute(
            "delete from email_events where type = 'none'; delete from email_events_rejected where ordinal < 0",
        )
        .await
        .unwrap();
    for sql in [
        write,
        "delete from batches",
        "update email_events set type = 'x'",
        "select merge_abandon()",
        "create table t (n integer)",
    ] {
        assert_eq!(
            refusal(&mut eraser, sql).await.unwrap(),
            NOT_ALLOWED,
            "{sql}"
        );
    }

    let mut loader = connection_of(&pool, "cistern_loader").await;
    for sql in [
        "delete from email_events",
        "drop table email_events",
        "create table t (n integer)",
        "select * from _sqlx_migrations",
        "insert into merging_changes values (now(), gen_random_uuid())",
        "select merge_abandon()",
        "update partition_policy set kept_from = now()",
    ] {
        assert_eq!(
            refusal(&mut loader, sql).await.unwrap(),
            NOT_ALLOWED,
            "{sql}"
        );
    }
}

/// As databases of one server that are set up at the same time do.
#[sqlx::test(migrations = false)]
async fn roles_are_made_by_many_at_once(pool: PgPool) {
    let makers = (0..8).map(|_| {
        let store = store(&pool);
        tokio::spawn(async move {
            for _ in 0..3 {
                store.make_roles().await.unwrap();
            }
        })
    });

    for maker in makers.collect::<Vec<_>>() {
        maker.await.unwrap();
    }
}

#[sqlx::test(migrations = false)]
async fn upgrade_from_the_previous_migration_keeps_events(pool: PgPool) {
    let all: Vec<_> = MIGRATIONS.iter().cloned().collect();
    // The last release had no migration from here on.
    let is_previous = |migration: &&Migration| migration.version < 20_261_129_210_000;
    let previous = all.iter().filter(is_previous).cloned().collect();
    Migrator::with_migrations(previous)
        .run(&pool)
        .await
        .unwrap();
    let store = store(&pool);
    let events = batch(events(0..4, THURSDAY));
    sqlx::query("select ensure_partition_at($1)")
        .bind(THURSDAY)
        .execute(&pool)
        .await
        .unwrap();
    for event in &events.events {
        // As the previous release wrote it.
        sqlx::query(
            "insert into email_events (ts, event_key, type, event) values ($1, $2, 'delivery', '{}')",
        )
        .bind(event.timestamp.to_time())
        .bind(sqlx::types::Uuid::from_u128(event.key.as_u128()))
        .execute(&pool)
        .await
        .unwrap();
    }

    store.migrate().await.unwrap();

    assert_eq!(event_count(&pool).await, 4);
    let again = store.load_batch(&key("after"), &events).await.unwrap();
    assert_eq!(again, loaded(0, 4, 0));
}
