//! `cistern env`: a stack's URLs and keys as shell variables.

use anyhow::Result;

use crate::{
    operator::{
        api,
        target::{StackTarget, TargetArgs},
    },
    output::write_bytes,
    shell::quoted,
    stack::Stack,
};

/// Options of `cistern env`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    target: TargetArgs,
}

/// The variables with the keys, by their scopes. `KEY` is the key of searches, which most commands need.
const KEYS: [(&str, &str); 7] = [
    ("KEY", "query"),
    ("SPARKPOST_KEY", "sparkpost"),
    ("MPARTICLE_KEY", "mparticle"),
    ("REPAIR_KEY", "repair"),
    ("SQL_KEY", "sql"),
    ("TRACK_KEY", "track"),
    ("PAGE_KEY", "page"),
];

pub(crate) async fn run(options: &Options) -> Result<()> {
    let target = options.target.find().await?;
    let variables = match &target.local {
        Some((_, stack)) => of_local(stack)?,
        None => of_deployed(&target).await?,
    };
    write_bytes(exports(&variables).as_bytes())
}

type Variables = Vec<(&'static str, String)>;

fn of_local(stack: &Stack) -> Result<Variables> {
    let mut variables = vec![("URL", stack.base_url.clone())];
    for (name, scope) in KEYS {
        variables.push((name, stack.key(scope)?.expose().to_owned()));
    }
    variables.push(("CONSOLE_URL", format!("{}/console", stack.base_url)));
    variables.push(("ITERABLE_URL", stack.iterable_url.clone()));
    variables.push(("DATABASE_URL", stack.database_url.expose().to_owned()));
    Ok(variables)
}

/// A deployed stack shows neither its database nor its destination. mParticle has an address of its own there.
async fn of_deployed(target: &StackTarget) -> Result<Variables> {
    let mut variables = Vec::new();
    variables.extend(api::any_origin(target).map(|origin| ("URL", origin)));
    let keys = api::deployed_keys(target).await?;
    for (name, scope) in KEYS {
        variables.extend(keys.get(scope).map(|key| (name, key.expose().to_owned())));
    }
    for (name, output) in [
        ("MPARTICLE_URL", "MParticleWebhookUrl"),
        ("CONSOLE_URL", "ConsoleUrl"),
    ] {
        // The output of a disabled part does not exist.
        variables.extend(target.output(output).ok().map(|url| (name, url.to_owned())));
    }
    Ok(variables)
}

/// One `export` per line.
fn exports(variables: &[(&str, String)]) -> String {
    let lines: Vec<String> = variables
        .iter()
        .map(|(name, value)| format!("export {name}={}\n", quoted(value)))
        .collect();
    lines.concat()
}
