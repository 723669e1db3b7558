//! The roles that functions log in as, in a database of their own: one that makes tables, one that writes and one that
//! reads. In a database that somebody brings along there are none of them, and everything is done as the URL's user.

use sqlx::{PgConnection, raw_sql};

use crate::{StoreError, error::Step, operation::Operation};

/// Makes the roles, if they are missing.
pub(crate) struct MakeRoles;

impl Operation for MakeRoles {
    type Output = ();

    async fn run(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        raw_sql(include_str!("roles/make.sql"))
            .execute(connection)
            .await
            .step("making roles")?;
        Ok(())
    }
}

/// Gives the roles their rights on what there is now, as its owner.
pub(crate) async fn grant(connection: &mut PgConnection) -> Result<(), StoreError> {
    raw_sql(include_str!("roles/grant.sql"))
        .execute(connection)
        .await
        .step("granting rights to roles")?;
    Ok(())
}
