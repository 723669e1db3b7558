//! `cistern erase forget`: the calls to Iterable alone, for when those of an erasure failed or were not asked for.

use std::process::ExitCode;

use anyhow::Result;

use super::{
    NamesOfPerson, PersonArgs,
    iterable::{DataCentre, NOT_FORGOTTEN, Project},
};
use crate::operator::target::{StackTarget, TargetArgs};

/// Options of `cistern erase forget`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    person: PersonArgs,

    /// The data centre of the project, whose key is in the variable `ITERABLE_API_KEY`
    #[arg(
        long,
        value_enum,
        value_name = "DATA_CENTRE",
        default_value = "iterable"
    )]
    at: DataCentre,

    /// Do it (default: say what would be asked)
    #[arg(long)]
    run: bool,

    #[command(flatten)]
    target: TargetArgs,
}

pub(super) async fn run(options: &Options) -> Result<ExitCode> {
    let names = options.person.names(false)?;
    let target = options.target.find().await?;
    announce(&target, options.at, &names)?;
    if !options.run {
        eprintln!("Nothing is asked yet: add --run.");
        return Ok(ExitCode::SUCCESS);
    }
    let forgotten = Project::of(&target, options.at)?.forget(&names).await?;
    Ok(if forgotten.is_all() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NOT_FORGOTTEN)
    })
}

/// Says what Iterable is asked when it is asked.
pub(super) fn announce(
    target: &StackTarget,
    data_centre: DataCentre,
    names: &NamesOfPerson,
) -> Result<()> {
    let person = names.person()?;
    let count = person.addresses().count() + person.ids().count();
    let origin = data_centre.origin_for(target);
    eprintln!(
        "iterable: with --run {origin} is asked to delete and block {count} names of the person (POST /api/users/forget)"
    );
    Ok(())
}
