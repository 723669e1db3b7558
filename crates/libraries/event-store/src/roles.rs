//! The roles of the functions in a database that the stack creates: one owns the tables, one writes and one reads. An
//! existing database has none of them, and everything is done as the URL's user.

use std::time::Duration;

use sqlx::{PgConnection, raw_sql};
use tokio::time::sleep;

use crate::{
    StoreError,
    error::{Step, code, has_code},
    operation::Operation,
};

/// How often the roles are tried to be made while another database of the server makes them, and the pause between.
const MAX_ATTEMPTS: u32 = 40;
const PAUSE: Duration = Duration::from_millis(50);

/// Creates the missing roles.
pub(crate) struct MakeRoles;

impl Operation for MakeRoles {
    type Output = ();

    async fn run(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let mut attempt = 1;
        loop {
            let made = raw_sql(include_str!("roles/make.sql"))
                .execute(&mut *connection)
                .await;
            match made {
                Err(error) if attempt < MAX_ATTEMPTS && is_overtaken(&error) => {
                    attempt += 1;
                    sleep(PAUSE).await;
                }
                made => return made.map(|_| ()).step("making roles"),
            }
        }
    }
}

/// Whether another session changed or created the same role. Roles belong to the server and not to one of its databases, which
/// may be set up at the same time. Postgres makes nobody wait there: it refuses the later change as an internal error ("tuple
/// concurrently updated"), and the later creation as a duplicate. All of it is rolled back then.
fn is_overtaken(error: &sqlx::Error) -> bool {
    has_code(error, code::INTERNAL_ERROR)
        || has_code(error, code::UNIQUE_VIOLATION)
        || has_code(error, code::DEADLOCK_DETECTED)
}

/// Grants the roles their permissions on the existing tables, as their owner.
pub(crate) async fn grant(connection: &mut PgConnection) -> Result<(), StoreError> {
    raw_sql(include_str!("roles/grant.sql"))
        .execute(connection)
        .await
        .step("granting rights to roles")?;
    Ok(())
}
