//! The recipes of docs/deploy.md, as the master user of a database on RDS, who is not a superuser.

use event_store::{DatabaseConfig, ErrorKind, Login, Store};
use postgres_stand_in::{Cluster, Logins};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};

use crate::support::*;

async fn run(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    connection.execute(AssertSqlSafe(sql)).await.unwrap();
}

fn store_as(cluster: &Cluster, user: &str) -> Store {
    let url = cluster.url(user, "planted", "cistern");
    let mut config = DatabaseConfig::new(url.into(), "event-store-test");
    config.login = Login::As {
        user: user.to_owned(),
        password: "planted".into(),
    };
    Store::connect_lazy(&config).unwrap()
}

/// The database of a used stack: roles created by the master, tables by the migrator, events by the loader.
async fn database_of_a_stack(bin: &std::path::Path) -> Cluster {
    let cluster = Cluster::start(bin, Logins::Trusted).await.unwrap();
    let superuser = cluster.url("postgres", "none", "postgres");
    // As RDS creates them.
    run(
        &superuser,
        "
        create role rds_iam nologin;
        create role cistern_master login createrole createdb password 'master';
        grant rds_iam to cistern_master with admin option, inherit false, set false",
    )
    .await;
    run(&superuser, "create database cistern owner cistern_master").await;

    store_as(&cluster, "cistern_master")
        .make_roles()
        .await
        .unwrap();
    let migrator = store_as(&cluster, "cistern_migrator");
    migrator.migrate().await.unwrap();
    migrator.maintain(&no_maintenance(THURSDAY)).await.unwrap();
    let events = batch(events(0..10, THURSDAY));
    let loader = store_as(&cluster, "cistern_loader");
    loader.load_batch(&key("before"), &events).await.unwrap();

    // From now on members of rds_iam can only log in with a token, which this server never accepts.
    cluster.set_logins(Logins::AsOnRds).unwrap();
    run(&superuser, "select pg_reload_conf()").await;
    cluster
}

/// The two statements of the recipe.
fn recipe() -> String {
    let page = include_str!("../../../../../docs/deploy.md");
    let (_, after) = page.split_once("```sql\n").unwrap();
    let (sql, _) = after.split_once("```").unwrap();
    assert!(
        sql.contains("revoke rds_iam from cistern_migrator;"),
        "{sql}"
    );
    sql.replace("<password>", "restored")
}

#[sqlx::test(migrations = false)]
async fn restored_database_serves_a_new_stack_by_its_owner(pool: PgPool) {
    let cluster = database_of_a_stack(&programs(&pool).await).await;
    let master = cluster.url("cistern_master", "master", "cistern");
    let owner = cluster.url("cistern_migrator", "restored", "cistern");

    // Neither the old stack's login nor the master is accepted.
    let refused = store_at(&owner).migrate().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused, "{refused:?}");
    let refused = store_at(&master).migrate().await.unwrap_err();
    assert_eq!(refused.sqlstate().as_deref(), Some("42501"), "{refused:?}");

    run(&master, &recipe()).await;

    // All functions of the new stack use that user.
    let store = store_at(&owner);
    store.migrate().await.unwrap();
    let mut wanted = no_maintenance(THURSDAY);
    wanted.metadata_keys = vec!["user_id".parse().unwrap()];
    store.maintain(&wanted).await.unwrap();
    let again = batch(events(0..10, THURSDAY));
    let later = batch(events(5..20, THURSDAY));
    assert_eq!(
        store.load_batch(&key("other"), &again).await.unwrap(),
        loaded(0, 10, 0)
    );
    assert_eq!(
        store.load_batch(&key("later"), &later).await.unwrap(),
        loaded(10, 5, 0)
    );
    let next_week = batch(events(100..105, THURSDAY + time::Duration::WEEK));
    assert_eq!(
        store.load_batch(&key("next"), &next_week).await.unwrap(),
        loaded(5, 0, 0)
    );
}

#[sqlx::test(migrations = false)]
async fn roles_are_made_again_on_a_restored_database_without_harm(pool: PgPool) {
    let cluster = database_of_a_stack(&programs(&pool).await).await;
    let master = cluster.url("cistern_master", "master", "cistern");

    store_at(&master).make_roles().await.unwrap();
    store_at(&master).make_roles().await.unwrap();
}
