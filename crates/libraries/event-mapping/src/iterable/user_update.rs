//! Profiles.

use event_model::json::JsonObject;

use super::User;

/// One user of `bulkUpdate`. A user that does not exist is created; fields not named stay as they are.
#[derive(Clone, Debug)]
pub struct UserUpdate<'a> {
    /// The user.
    pub user: &'a User,
    /// The fields to set; `null` removes one.
    pub data_fields: JsonObject,
}

impl UserUpdate<'_> {
    /// The update as JSON. `preferUserId` allows creating a user by id in projects that identify users by address, and
    /// is ignored in others.
    pub fn into_json(self) -> String {
        let mut object = JsonObject::default();
        self.user.write(&mut object);
        if matches!(self.user, User::UserId(_)) {
            object.boolean("preferUserId", true);
        }
        object.json("dataFields", &self.data_fields.finish());
        object.finish()
    }
}

/// The body of a `bulkUpdate` request with these users, each as rendered by [`UserUpdate::into_json`].
pub fn bulk_update_body<'a>(users: impl IntoIterator<Item = &'a str>) -> String {
    let mut body = JsonObject::default();
    body.array("users", users);
    body.finish()
}
