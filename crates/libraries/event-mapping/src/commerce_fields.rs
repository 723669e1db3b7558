//! Fields that all commerce events have, recorded as purchases or as events.

use std::borrow::BorrowMut;

use event_model::mparticle::{Commerce, EventData, Field, Product, Promotion};

use super::{
    data_fields::{DataFields, ItemFields},
    item_list::ItemList,
};

/// An item of a list in an event's fields.
type ListItem<'n, 'l> = ItemFields<'n, &'l mut Vec<u8>>;

/// Adds the fields of a purchase other than its items and its total; other actions have them too.
pub(super) fn add_order(
    fields: &mut DataFields<'_>,
    data: &EventData<'_>,
    commerce: &Commerce<'_>,
) {
    let action = &commerce.product_action;
    fields.text("transaction_id", action.transaction_id);
    fields.text("currency_code", data.currency_code);
    fields.text("coupon_code", action.coupon_code);
    fields.number("tax_amount", action.tax_amount);
    fields.number("shipping_amount", action.shipping_amount);
    fields.text("affiliation", action.affiliation);
    fields.number("checkout_step", action.checkout_step);
    fields.text("checkout_options", action.checkout_options);
    fields.text("product_list", action.product_action_list);
    fields.text("product_list_source", action.product_list_source);
    fields.text("screen_name", data.screen_name);
    add_list(fields, "promotions", commerce.promotions(), write_promotion);
    add_list(fields, "impressions", commerce.impressions(), write_product);
}

/// Adds the products of an action.
pub(super) fn add_products(fields: &mut DataFields<'_>, commerce: &Commerce<'_>) {
    add_list(fields, "products", commerce.products(), write_product);
}

/// Adds a list, unless it is empty. Each element is read and written when it is its turn, so that the list takes about as much
/// memory as what was sent. What is not an object is no item.
fn add_list<'a, T>(
    fields: &mut DataFields<'_>,
    name: &'static str,
    elements: impl Iterator<Item = Result<T, Field<'a>>>,
    write: impl Fn(&mut ListItem<'_, '_>, &T),
) {
    let mut list = ItemList::default();
    for element in elements {
        match element {
            Ok(element) => {
                let mut item = ItemFields::new(name, list.begin_item(), fields.notes());
                write(&mut item, &element);
                item.object.end();
            }
            Err(other) => fields.leave_out(name, other),
        }
    }
    fields.list(name, list);
}

/// A product with a fixed set of members, regardless of what the app added: each new name would be a new field at
/// Iterable.
fn write_product(item: &mut ListItem<'_, '_>, product: &Product<'_>) {
    item.text("id", product.id());
    item.text("name", product.name);
    item.text("category", product.category);
    item.number("price", product.price);
    item.number("quantity", product.quantity);
    item.number("total_amount", product.total_amount());
    add_description(item, product);
}

/// Adds the members of a product for which a purchase's item has no member.
pub(super) fn add_description<B: BorrowMut<Vec<u8>>>(
    item: &mut ItemFields<'_, B>,
    product: &Product<'_>,
) {
    item.text("brand", product.brand);
    item.text("variant", product.variant);
    item.number("position", product.position);
    item.text("coupon_code", product.coupon_code);
}

fn write_promotion(item: &mut ListItem<'_, '_>, promotion: &Promotion<'_>) {
    item.text("id", promotion.id);
    item.text("name", promotion.name);
    item.text("creative", promotion.creative);
    item.text("position", promotion.position);
}
