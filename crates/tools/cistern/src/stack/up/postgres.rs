//! The bundled Postgres: initialized once, started on each `up`.

mod unprivileged;

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use nix::sys::signal::Signal;
use tokio::process::Command;

use self::unprivileged::Programs;
use crate::{
    progress::Step,
    stack::{
        Secret,
        data_dir::{DataDir, write_private},
        process::{self, Service, wait_for},
    },
};

/// Its superuser, and its database.
const NAME: &str = "cistern";

/// The role of callers' own statements, with the password of the other one.
const SQL_ROLE: &str = "cistern_sql";
/// Includes recovery after a crash.
const START_LIMIT: Duration = Duration::from_mins(1);
/// Tests open many databases at once.
const MAX_CONNECTIONS: u32 = 200;

/// How to start and reach the bundled Postgres.
#[derive(Debug)]
pub(crate) struct Postgres {
    programs: Programs,
    data: PathBuf,
    log: PathBuf,
    password: Secret,
    port: u16,
}

impl Postgres {
    /// Initializes the database cluster unless it exists.
    pub(crate) async fn prepare(
        bin: &Path,
        data_dir: &DataDir,
        port: u16,
        step: &Step,
    ) -> Result<Self> {
        let postgres = Self {
            programs: Programs::in_folder(bin),
            data: data_dir.postgres(),
            log: data_dir.log("postgres"),
            password: password(data_dir)?,
            port,
        };
        if !postgres.data.exists() {
            step.note("initializing the database");
            postgres.initialise(data_dir, step).await?;
        }
        Ok(postgres)
    }

    /// Initializes beside the final path and then renames, so an incomplete cluster is never started.
    async fn initialise(&self, data_dir: &DataDir, step: &Step) -> Result<()> {
        let unfinished = self.data.with_extension("unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).context("removing an unfinished database")?;
        }
        fs::create_dir(&unfinished).context("creating the database's folder")?;
        unprivileged::give(&unfinished)?;

        let log = data_dir.log("postgres-initdb");
        let password_file = data_dir.postgres_password();
        let mut initdb = self.programs.command("initdb");
        initdb
            .arg("--pgdata")
            .arg(&unfinished)
            .arg("--pwfile")
            .arg(&password_file)
            .args([
                "--username",
                NAME,
                "--auth",
                "scram-sha-256",
                "--encoding",
                "UTF8",
            ])
            // Postgres's built-in locale does not depend on the machine's and sorts the same everywhere.
            .args([
                "--locale-provider",
                "builtin",
                "--builtin-locale",
                "C.UTF-8",
            ])
            .args(["--locale", "C", "--no-instructions"]);
        process::run(&mut initdb, &log, step).await?;
        fs::rename(&unfinished, &self.data).context("moving the initialized database to its path")
    }

    /// Starts it.
    pub(crate) fn start(&self) -> Result<Service> {
        let mut command = self.programs.command("postgres");
        command.arg("-D").arg(&self.data);
        for setting in [
            "listen_addresses=127.0.0.1",
            // The path of a socket is limited to about a hundred bytes.
            "unix_socket_directories=",
            &format!("port={}", self.port),
            &format!("max_connections={MAX_CONNECTIONS}"),
        ] {
            command.args(["-c", setting]);
        }
        // SIGINT: exit immediately, without waiting for clients to disconnect.
        Service::start("postgres", &mut command, &self.log, Signal::SIGINT)
    }

    /// Waits until it accepts connections.
    pub(crate) async fn wait_until_ready(&self, service: &mut Service) -> Result<()> {
        wait_for("Postgres to accept connections", START_LIMIT, async || {
            service.ensure_running()?;
            Ok(self.takes_connections().await?.then_some(()))
        })
        .await
    }

    /// Creates the database, which `initdb` does not do, unless it exists.
    pub(crate) async fn create_database(&self, data_dir: &DataDir, step: &Step) -> Result<()> {
        let query = format!("select 1 from pg_database where datname = '{NAME}'");
        let mut psql = self.client("psql");
        psql.args([
            "--dbname",
            "postgres",
            "--tuples-only",
            "--no-align",
            "--command",
            &query,
        ]);
        let log = data_dir.log("postgres-createdb");
        if process::capture(&mut psql, &log, step)
            .await?
            .trim()
            .is_empty()
        {
            process::run(self.client("createdb").arg(NAME), &log, step).await?;
        }
        Ok(())
    }

    /// Creates the role of callers' own statements, which in AWS the migrator creates: here everything else is done as the owner
    /// of the database, who may do too much.
    pub(crate) async fn create_sql_role(&self, data_dir: &DataDir, step: &Step) -> Result<()> {
        let log = data_dir.log("postgres-createrole");
        let sql = format!(
            "do $$ begin
                if not exists (select from pg_roles where rolname = '{SQL_ROLE}') then
                    create role {SQL_ROLE} login connection limit 4;
                end if;
            end $$;
            alter role {SQL_ROLE} password '{}'",
            self.password.expose()
        );
        let mut psql = self.client("psql");
        psql.args(["--dbname", "postgres", "--quiet", "--command", &sql]);
        process::run(&mut psql, &log, step).await
    }

    /// The URL for functions and tests.
    pub(crate) fn url(&self) -> Secret {
        Secret::new(format!(
            "postgres://{NAME}:{}@127.0.0.1:{}/{NAME}",
            self.password.expose(),
            self.port
        ))
    }

    /// The URL for callers' own statements, if `url` is that of a database of this kind.
    pub(crate) fn sql_url(url: &Secret) -> Option<Secret> {
        let rest = url.expose().strip_prefix(&format!("postgres://{NAME}:"))?;
        let is_local = rest.contains("@127.0.0.1:") && rest.ends_with(&format!("/{NAME}"));
        is_local.then(|| Secret::new(format!("postgres://{SQL_ROLE}:{rest}")))
    }

    async fn takes_connections(&self) -> Result<bool> {
        let mut is_ready = self.client("pg_isready");
        let answer = is_ready.output().await.context("starting pg_isready")?;
        Ok(answer.status.success())
    }

    fn client(&self, program: &str) -> Command {
        let mut command = self.programs.command(program);
        command
            .env("PGPASSWORD", self.password.expose())
            .env("PGCONNECT_TIMEOUT", "5")
            .args(["--host", "127.0.0.1", "--username", NAME])
            .args(["--port", &self.port.to_string()]);
        command
    }
}

/// The password, created on the first start of the stack.
fn password(data_dir: &DataDir) -> Result<Secret> {
    let path = data_dir.postgres_password();
    if !path.exists() {
        let mut random = [0; 16];
        fs::File::open("/dev/urandom")
            .and_then(|mut file| file.read_exact(&mut random))
            .context("reading random bytes")?;
        write_private(&path, hex::encode(random).as_bytes())?;
    }
    let password =
        fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    Ok(Secret::new(password.trim()))
}
