//! A database with the real schema, created for a measurement and dropped after it.

use std::{env, process, time::Duration};

use anyhow::{Context, Result};
use event_store::{DatabaseConfig, Planning, Store};
use url::Url;

use crate::{proc_stat, psql::Psql};

/// A separate database.
#[derive(Debug)]
pub(crate) struct Database {
    name: String,
    url: String,
    server: Psql,
    psql: Psql,
}

/// The size of something on disk.
#[derive(Debug)]
pub(crate) struct Size {
    /// `heap`, or the name of an index.
    pub(crate) name: String,
    pub(crate) bytes: f64,
}

impl Database {
    /// Creates a database on the server of `DATABASE_URL`, with all migrations.
    pub(crate) async fn create(purpose: &str) -> Result<Self> {
        let server_url = env::var("DATABASE_URL").context("DATABASE_URL is not set")?;
        let name = format!("cistern_bench_{purpose}_{}", process::id());
        let mut url = Url::parse(&server_url).context("reading DATABASE_URL")?;
        url.set_path(&name);

        let server = Psql::new(server_url);
        server.run(&format!("create database {name}"))?;
        let database = Self {
            psql: Psql::new(url.to_string()),
            name,
            url: url.into(),
            server,
        };
        database.store()?.migrate().await.context("migrating")?;
        Ok(database)
    }

    /// A store that has not connected yet.
    pub(crate) fn store(&self) -> Result<Store> {
        let config = DatabaseConfig::new(self.url.clone().into(), "cistern-bench");
        Store::connect_lazy(&config).context("preparing the store")
    }

    /// A store that plans like that of searches, with a timeout that is long enough for the old table.
    pub(crate) fn searching_store(&self) -> Result<Store> {
        let mut config = DatabaseConfig::new(self.url.clone().into(), "cistern-bench");
        config.planning = Planning::EachRun;
        config.statement_timeout = Duration::from_mins(10);
        Store::connect_lazy(&config).context("preparing the store")
    }

    pub(crate) fn psql(&self) -> &Psql {
        &self.psql
    }

    /// Creates the partitions for a range of days, without autovacuum, which would run at random times.
    pub(crate) fn make_weeks(&self, from: &str, to: &str) -> Result<()> {
        self.psql.run(&format!(
            "do $$
             declare
                 week regclass;
             begin
                 -- Weeks, as where loading happens: the present of this database is then.
                 insert into partition_policy (as_of) values ('{to}');
                 perform ensure_partition(day) from generate_series('{from}'::timestamptz, '{to}', '1 day') as day;
                 for week in select inhrelid from pg_inherits where inhparent = 'email_events'::regclass loop
                     execute format('alter table %s set (autovacuum_enabled = false)', week);
                 end loop;
             end
             $$"
        ))?;
        Ok(())
    }

    /// Empties the tables and makes the server write its pending changes.
    pub(crate) fn reset(&self) -> Result<()> {
        self.psql
            .run("truncate email_events, batches, email_events_rejected")?;
        self.psql.run("checkpoint")?;
        Ok(())
    }

    pub(crate) fn event_count(&self) -> Result<usize> {
        let count = self.psql.run("select count(*) from email_events")?;
        count.parse().context("reading a count")
    }

    /// The sizes of the heap and of each index of `email_events`, over all partitions.
    pub(crate) fn sizes(&self) -> Result<Vec<Size>> {
        let rows = self.psql.run(
            "select 'heap', sum(pg_table_size(inhrelid))
             from pg_inherits
             where inhparent = 'email_events'::regclass
             union all
             select * from (
                 select parent.indexrelid::regclass::text as name, sum(pg_relation_size(part.inhrelid))
                 from pg_index as parent
                 join pg_inherits as part on part.inhparent = parent.indexrelid
                 where parent.indrelid = 'email_events'::regclass
                 group by name
                 order by name
             ) as indexes",
        )?;
        rows.lines()
            .map(|row| {
                let (name, bytes) = row.split_once('|').context("reading a size")?;
                Ok(Size {
                    name: name.to_owned(),
                    bytes: bytes.parse().context("reading a size")?,
                })
            })
            .collect()
    }

    /// The process that all processes of the server descend from.
    pub(crate) fn postmaster(&self) -> Result<u32> {
        let checkpointer = self
            .psql
            .run("select pid from pg_stat_activity where backend_type = 'checkpointer'")?;
        let pid = checkpointer.parse().context("reading a process id")?;
        proc_stat::parent_of(pid)
            .context("finding the server's process; it must run on this machine")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let sql = format!("drop database {} with (force)", self.name);
        if let Err(error) = self.server.run(&sql) {
            eprintln!("not dropped: {}: {error:#}", self.name);
        }
    }
}
