//! Checks a function's required settings in its tests.

use std::fmt::Display;

use super::Env;

/// Reads settings without each of the required variables `names` in turn. The error must name the variable, and `readme`
/// must have a row for it in its table.
///
/// # Errors
/// The first fault.
pub fn check_required<T, E: Display>(
    names: &[&str],
    readme: &str,
    read: impl Fn(&Env) -> Result<T, E>,
) -> Result<(), String> {
    for missing in names {
        let others = names.iter().filter(|name| *name != missing);
        match read(&Env::from_pairs(others.map(|name| (*name, "x")))) {
            Ok(_) => return Err(format!("{missing} is not required")),
            Err(error)
                if !error
                    .to_string()
                    .starts_with(&format!("{missing} is not set")) =>
            {
                return Err(format!("without {missing}: {error}"));
            }
            Err(_) => {}
        }
        if !readme.contains(&format!("| `{missing}` |")) {
            return Err(format!("{missing} is not in the README's table"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EnvError;

    fn read(env: &Env) -> Result<(), EnvError> {
        env.required("A", "a")?;
        env.required("B", "b").map(drop)
    }

    #[test]
    fn optional_and_undescribed_settings_are_faults() {
        let readme = "| `A` |  |\n| `B` |  |\n| `C` |  |";

        assert_eq!(check_required(&["A", "B"], readme, read), Ok(()));
        assert_eq!(
            check_required(&["A", "B", "C"], readme, read),
            Err("C is not required".to_owned())
        );
        assert_eq!(
            check_required(&["A", "B"], "| `A` |", read),
            Err("B is not in the README's table".to_owned())
        );
        assert!(check_required(&["B"], readme, read).is_err());
    }
}
