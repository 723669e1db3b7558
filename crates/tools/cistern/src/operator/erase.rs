//! `cistern erase`: takes one person out of everything that is stored, with a signed receipt.

mod following;
mod forget;
mod iterable;
mod receipt;
mod verify;

use std::{
    io::{BufRead as _, IsTerminal as _, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context as _, Result, ensure};
use erasure::Person;
use serde_json::{Value, json};
use time::{OffsetDateTime, macros::format_description};

use self::{
    following::follow,
    iterable::{DataCentre, NOT_FORGOTTEN, Project},
};
use crate::operator::target::{StackTarget, TargetArgs};

/// What is asked of the person who erases.
const CONFIRMATION: &str = "erase";

/// What `cistern erase` is asked to do.
#[derive(Clone, Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Option<Action>,

    #[command(flatten)]
    erase: Erase,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Action {
    /// Go on with an erasure until it is finished
    Resume(Resume),
    /// Only ask Iterable to forget a person, as --forget-at does
    Forget(forget::Options),
    /// Check a receipt, and look again whether anything of the person is there
    Verify(verify::Options),
}

/// Who is meant.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct PersonArgs {
    /// An email address of the person, in any form; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    recipient: Vec<String>,

    /// An id of the person, such as a user id of product events or mParticle's id; may be repeated
    #[arg(long, value_name = "ID")]
    user: Vec<String>,

    /// A further address or id of the same person; may be repeated
    #[arg(long, value_name = "ADDRESS|ID")]
    alias: Vec<String>,
}

#[derive(Clone, Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
struct Erase {
    #[command(flatten)]
    person: PersonArgs,

    /// Erase events of others too that mention the person, in a subject or a link for example: those others lose them as well
    #[arg(long)]
    deep: bool,

    /// Do it (default: a dry run that counts what would be erased)
    #[arg(long)]
    run: bool,

    /// Do not ask
    #[arg(long, requires = "run")]
    yes: bool,

    /// Also ask Iterable to forget the person, in the project of the key in the variable `ITERABLE_API_KEY`
    #[arg(long, value_enum, value_name = "DATA_CENTRE")]
    forget_at: Option<DataCentre>,

    /// Also write the receipt to a file
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,

    #[command(flatten)]
    target: TargetArgs,

    /// Print the receipt as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Debug, clap::Args)]
struct Resume {
    /// The erasure, as `cistern erase` has named it
    #[arg(value_name = "ID")]
    id: String,

    /// Also write the receipt to a file
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,

    #[command(flatten)]
    target: TargetArgs,

    /// Print the receipt as JSON
    #[arg(long)]
    json: bool,
}

/// The names of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NamesOfPerson {
    pub(super) addresses: Vec<String>,
    pub(super) ids: Vec<String>,
    /// Events of others go too that mention the person.
    pub(super) deep: bool,
}

impl PersonArgs {
    /// # Errors
    /// When the names are not a person's. The error repeats no name.
    pub(super) fn names(&self, deep: bool) -> Result<NamesOfPerson> {
        let (addresses, ids): (Vec<&String>, Vec<&String>) =
            self.alias.iter().partition(|alias| alias.contains('@'));
        let all = |first: &[String], more: Vec<&String>| {
            first.iter().chain(more).cloned().collect::<Vec<_>>()
        };
        let names = NamesOfPerson {
            addresses: all(&self.recipient, addresses),
            ids: all(&self.user, ids),
            deep,
        };
        names.person()?;
        Ok(names)
    }
}

impl NamesOfPerson {
    pub(super) fn person(&self) -> Result<Person> {
        let person = Person::new(&self.addresses, &self.ids)?;
        Ok(if self.deep { person.deep()? } else { person })
    }
}

pub(crate) async fn run(options: &Options) -> Result<ExitCode> {
    match &options.action {
        Some(Action::Resume(resume)) => {
            let target = resume.target.find().await?;
            let signed = follow(&target, &resume.id).await?;
            receipt::print(&signed, resume.json, resume.receipt.as_deref())
        }
        Some(Action::Forget(forget)) => forget::run(forget).await,
        Some(Action::Verify(verify)) => verify::run(verify).await,
        None => erase(&options.erase).await,
    }
}

async fn erase(options: &Erase) -> Result<ExitCode> {
    let names = options.person.names(options.deep)?;
    let target = options.target.find().await?;
    if let Some(data_centre) = options.forget_at {
        forget::announce(&target, data_centre, &names)?;
    }
    // Without a key nothing begins.
    let project = options.forget_at.filter(|_| options.run);
    let project = project.map(|data_centre| Project::of(&target, data_centre));
    let project = project.transpose()?;
    if options.run && !options.yes {
        let searched = search(&target, &names).await?;
        eprintln!("{}", receipt::text(&searched));
        confirm(receipt::mentions_erased(&searched))?;
    }
    if !options.run {
        let searched = search(&target, &names).await?;
        let code = receipt::print(&searched, options.json, options.receipt.as_deref())?;
        eprintln!("Nothing is erased yet: add --run.");
        return Ok(code);
    }
    let id = begin(&target, &names, true).await?;
    eprintln!(
        "erasure {id} has begun. The stack goes on by itself; `cistern erase resume {id}{suffix}` follows it",
        suffix = target.suffix
    );
    // The forwarder's list has the person now, and Iterable refuses what an older list still lets through. If this command ends before,
    // `cistern erase forget` does the same.
    let is_forgotten = match &project {
        Some(project) => project.forget(&names).await?.is_all(),
        None => true,
    };
    let signed = follow(&target, &id).await?;
    let code = receipt::print(&signed, options.json, options.receipt.as_deref())?;
    Ok(if is_forgotten {
        code
    } else {
        ExitCode::from(NOT_FORGOTTEN)
    })
}

/// A dry run: its signed result.
pub(super) async fn search(target: &StackTarget, names: &NamesOfPerson) -> Result<Value> {
    let id = begin(target, names, false).await?;
    follow(target, &id).await
}

/// Starts an erasure, and returns its id.
async fn begin(target: &StackTarget, names: &NamesOfPerson, run: bool) -> Result<String> {
    let id = new_id()?;
    let by = std::env::var("USER").ok().filter(|user| !user.is_empty());
    let mut start = json!({
        "id": id,
        "addresses": names.addresses,
        "ids": names.ids,
        "run": run,
        "requested_by": by,
    });
    if names.deep {
        // An eraser that does not know it refuses it.
        start["deep"] = true.into();
    }
    let event = json!({ "start": start });
    following::invoke(target, &event).await?;
    Ok(id)
}

/// The time and a random number, so that two people who erase at once do not meet.
fn new_id() -> Result<String> {
    let now = OffsetDateTime::now_utc()
        .format(format_description!(
            "[year][month][day]T[hour][minute][second]"
        ))
        .context("writing the time")?;
    let mut random = [0; 4];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut random))
        .context("reading random bytes")?;
    Ok(format!("{now}-{}", hex::encode(random)))
}

fn confirm(mentions: u64) -> Result<()> {
    let stdin = std::io::stdin();
    ensure!(
        stdin.is_terminal(),
        "nobody can be asked here: add --yes to erase without being asked"
    );
    if mentions > 0 {
        eprintln!(
            "{mentions} items of OTHERS mention the person and go too: one event counts in each place where it is stored."
        );
    }
    eprint!("This cannot be undone. Type `{CONFIRMATION}` to go on: ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    ensure!(answer.trim() == CONFIRMATION, "nothing was erased");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_are_addresses_or_ids_and_errors_repeat_no_name() {
        let args = PersonArgs {
            recipient: vec!["Jane <jane@x.org>".to_owned()],
            user: vec!["u-1001".to_owned()],
            alias: vec!["j@y.org".to_owned(), "4711".to_owned()],
        };
        let names = args.names(false).unwrap();

        assert_eq!(names.addresses, ["Jane <jane@x.org>", "j@y.org"]);
        assert_eq!(names.ids, ["u-1001", "4711"]);
        let wrong = PersonArgs {
            recipient: vec!["jane".to_owned()],
            user: Vec::new(),
            alias: Vec::new(),
        };
        let error = wrong.names(false).unwrap_err();
        assert!(!error.to_string().contains("jane"));
        let error = args.names(true).unwrap_err();
        assert!(error.to_string().contains("--deep"), "{error}");
    }

    #[test]
    fn ids_differ() {
        assert_ne!(new_id().unwrap(), new_id().unwrap());
    }
}
