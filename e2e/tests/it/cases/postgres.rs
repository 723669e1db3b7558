//! Cases about the database, with a proxy between it and the store that behaves like a real one.

use anyhow::{Context as _, Result};
use event_model::{BatchKey, sparkpost::parse_batch};
use event_store::{DatabaseConfig, Login, Store, StoreError};
use postgres_stand_in::{Behaviour, Cluster, Logins, Proxy};
use sqlx::ConnectOptions as _;
use time::OffsetDateTime;

use super::run::Run;
use crate::stack::fresh_id;

/// How long the store retries.
const RETRY_FOR: std::time::Duration = std::time::Duration::from_secs(2);

/// A batch of one event.
fn body(id: &str) -> Vec<u8> {
    let seconds = OffsetDateTime::now_utc().unix_timestamp();
    format!(
        r#"[{{"msys":{{"message_event":{{"type":"delivery","event_id":"{id}","timestamp":"{seconds}","rcpt_to":"a@example.com"}}}}}}]"#
    )
    .into_bytes()
}

/// Loads a batch of one event: the number of rows, or the kind of error.
async fn load(store: &Store, key: &BatchKey, body: &[u8]) -> String {
    let batch = parse_batch(body, OffsetDateTime::now_utc());
    match store.load_batch(key, &batch).await {
        Ok(outcome) => format!("{outcome:?}"),
        Err(error) => kind(&error),
    }
}

fn kind(error: &StoreError) -> String {
    format!("{:?}", error.kind())
}

/// A store whose connections to the server at `server_port` go through a proxy with `behaviour`.
async fn behind(
    url: &str,
    server_port: u16,
    behaviour: Behaviour,
    login: Login,
) -> Result<(Store, Proxy)> {
    let proxy = Proxy::before(server_port, behaviour).await?;
    let from = format!(":{server_port}/");
    let url = url.replace(&from, &format!(":{}/", proxy.port()));
    let mut config = DatabaseConfig::new(url.into(), "cases");
    config.login = login;
    config.retry_for = RETRY_FOR;
    Ok((Store::connect_lazy(&config)?, proxy))
}

const STORED: &str = "Loaded(Counts { stored: 1, duplicate: 0, rejected: 0, erased: 0 })";

/// A pooler refuses start-up parameters, and the store still works.
pub(super) async fn pooler(run: &mut Run<'_>) -> Result<()> {
    let options = run.stack.db.connect_options();
    let (url, port) = (options.to_url_lossy().to_string(), options.get_port());
    for (name, behaviour) in [
        ("RDS Proxy", Behaviour::RdsProxy),
        ("PgBouncer", Behaviour::SessionPooler),
    ] {
        let (store, _proxy) = behind(&url, port, behaviour, Login::default()).await?;
        let id = fresh_id("pooler");
        let body = body(&id);
        let key = BatchKey::new(Some(&id), &body);
        run.expect(
            format!("a batch through {name}"),
            STORED,
            load(&store, &key, &body).await,
        );
        let version = store.migration_version().await?;
        run.note(
            format!("version through {name}"),
            "a number",
            version,
            version > 0,
        );
    }
    Ok(())
}

/// Codes of a full disk, a standby and a failover. Nothing is rejected, and the same batch is stored later.
pub(super) async fn full_and_failing_over(run: &mut Run<'_>) -> Result<()> {
    let options = run.stack.db.connect_options();
    let (url, port) = (options.to_url_lossy().to_string(), options.get_port());
    for sqlstate in ["53100", "25006", "57P01"] {
        let failing = Behaviour::Failing {
            text: "copy email_events",
            sqlstate,
        };
        let id = fresh_id("full");
        let body = body(&id);
        let key = BatchKey::new(Some(&id), &body);
        let (store, _proxy) = behind(&url, port, failing, Login::default()).await?;
        run.expect(sqlstate, "Unavailable", load(&store, &key, &body).await);
        let rejected: i64 =
            sqlx::query_scalar("select count(*) from email_events_rejected where batch_key = $1")
                .bind(key.as_str())
                .fetch_one(&run.stack.db)
                .await?;
        run.expect(format!("rejected after {sqlstate}"), 0, rejected);
        let direct = Store::connect_lazy(&DatabaseConfig::new(url.clone().into(), "cases"))?;
        run.expect(
            format!("after {sqlstate}"),
            STORED,
            load(&direct, &key, &body).await,
        );
    }
    Ok(())
}

/// A login by IAM that fails twice is repeated; one that always fails is an outage.
pub(super) async fn iam(run: &mut Run<'_>) -> Result<()> {
    let bin: String = sqlx::query_scalar("select setting from pg_config where name = 'BINDIR'")
        .fetch_one(&run.stack.db)
        .await?;
    // The stack's server requires passwords, and a token is not one.
    let cluster = Cluster::start(bin.as_ref(), Logins::Trusted)
        .await
        .context("starting a cluster")?;
    let url = cluster.url("postgres", "none", "postgres");
    Store::connect_lazy(&DatabaseConfig::new(url.clone().into(), "cases"))?
        .migrate()
        .await?;
    let address = format!("postgres://postgres@127.0.0.1:{}/postgres", cluster.port());
    for (logins, expected) in [(2, STORED), (usize::MAX, "Unavailable")] {
        let refusing = Behaviour::Refusing {
            logins,
            sqlstate: "28000",
        };
        let (store, _proxy) = behind(&address, cluster.port(), refusing, Login::Iam).await?;
        let id = fresh_id("iam");
        let body = body(&id);
        let key = BatchKey::new(Some(&id), &body);
        run.expect(
            format!("{logins} refused logins"),
            expected,
            load(&store, &key, &body).await,
        );
    }
    Ok(())
}
