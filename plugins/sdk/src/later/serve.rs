//! What an async plugin does for a typed object.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use super::AsyncPlugin;
use crate::edit::RawEdit;
use crate::object::{All, Shape};
use crate::rows::AnyRows;
use crate::serve::Kept;
use crate::{ChangeFault, Edit, Effect, Error, Object, Wanted};

/// A change that is prepared: awaited, it is in force; dropped, it never was.
pub type PreparedLater = Pin<Box<dyn Future<Output = Result<Effect, Error>>>>;

/// An async plugin serves an object: what [`Serve`](crate::Serve) is for others.
#[diagnostic::on_unimplemented(
    message = "`{Self}` lists the object `{O}` and does not serve it",
    note = "write `impl AsyncServe<{O}> for {Self}`; what the settings keep needs nothing in it"
)]
pub trait AsyncServe<O: Object>: AsyncPlugin {
    /// Reads the object, or all its rows, once for everything that is asked of it in one call: see
    /// [`Serve::read`](crate::Serve::read).
    fn read(
        self: Rc<Self>,
        kept: All<O>,
        wanted: &Wanted<'_>,
    ) -> impl Future<Output = Result<All<O>, Error>> {
        let _ = wanted;
        async { Ok(kept) }
    }

    /// Looks at what is to change, and reserves what it needs, without any effect: see
    /// [`Serve::change`](crate::Serve::change).
    fn change(
        self: Rc<Self>,
        edits: Vec<Edit<O>>,
    ) -> impl Future<Output = Result<PreparedLater, Vec<ChangeFault>>> {
        drop(edits);
        async { Ok(Box::pin(async { Ok(Effect::Now) }) as PreparedLater) }
    }
}

/// An object that an async plugin serves; [`declare!`](crate::declare!) makes them.
#[derive(Debug)]
pub struct AsyncServed<A> {
    /// How many nodes of the declaration belong to it.
    pub(crate) nodes: usize,
    pub(crate) read: Read<A>,
    pub(crate) change: ChangeCall<A>,
}

type Local<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;
pub(super) type AllRows = Result<Box<dyn AnyRows>, Error>;
type Read<A> = for<'a> fn(Rc<A>, &'a Kept, &'a Wanted<'a>) -> Local<'a, AllRows>;
type ChangeCall<A> = fn(Rc<A>, Vec<RawEdit>) -> Local<'static, Result<PreparedLater, Vec<ChangeFault>>>;

impl<A: AsyncPlugin> AsyncServed<A> {
    /// The object of type `O`.
    #[doc(hidden)]
    pub const fn of<O: Object>() -> Self
    where
        A: AsyncServe<O>,
    {
        Self { nodes: O::NODES.len(), read: read::<A, O>, change: change::<A, O> }
    }
}

fn read<'a, A: AsyncServe<O>, O: Object>(
    plugin: Rc<A>,
    kept: &'a Kept,
    wanted: &'a Wanted<'a>,
) -> Local<'a, AllRows> {
    Box::pin(async move {
        let rows = kept.rows::<O>(wanted.resolver.clone());
        let all = O::Shape::from_rows(rows).ok_or_else(|| Error::internal("an object without a place"))?;
        let all = plugin.read(all, wanted).await?;
        Ok(Box::new(O::Shape::into_rows(all)) as Box<dyn AnyRows>)
    })
}

fn change<A: AsyncServe<O>, O: Object>(
    plugin: Rc<A>,
    edits: Vec<RawEdit>,
) -> Local<'static, Result<PreparedLater, Vec<ChangeFault>>> {
    Box::pin(async move { plugin.change(edits.into_iter().map(Edit::new).collect()).await })
}
