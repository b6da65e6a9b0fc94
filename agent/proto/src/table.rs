//! The tables of messages: each argument's name in Rust, its element, its form and its longest text, written once.
//!
//! A table makes the type, the reader and the writer.

/// Reads the children of the present element into the fields of what is made.
macro_rules! read_fields {
    ($reader:ident, [$($made:tt)+] { $($field:ident: $type:ty = $element:literal $codec:ty,)* }) => {{
        $( let mut $field: Option<$type> = None; )*
        while $reader.cursor.enter()? {
            match $reader.cursor.name.as_str() {
                $( $element => <$codec as $crate::codec::Codec>::put(&mut $field, $reader)?, )*
                _ => $reader.stranger()?,
            }
        }
        Ok($($made)+ { $( $field: $reader.present($field.or_else(<$codec as $crate::codec::Codec>::absent), $element)?, )* })
    }};
}

/// Reads the arguments of a message: a structure of their own, fields of the variant, or none.
macro_rules! read_variant {
    ($reader:ident, $variant:ident ($payload:ident: $record:ty)) => {
        <$record as $crate::codec::Member>::read($reader).map(Self::$variant)
    };
    ($reader:ident, $variant:ident $({ $($fields:tt)* })?) => {
        $crate::table::read_fields!($reader, [Self::$variant] { $( $($fields)* )? })
    };
}

/// One kind of messages: an enum with a variant for each. `since` is the last number of the oldest namespace that has it.
macro_rules! messages {
    (
        $(#[$doc:meta])*
        pub enum $enum:ident, suffix $suffix:literal {
            $(
                $(#[$variant_doc:meta])*
                $variant:ident = $name:literal, since $since:literal
                $(($payload:ident: $record:ty))?
                $({ $( $(#[$field_doc:meta])* $field:ident: $type:ty = $element:literal $codec:ty, )* })?;
            )*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        // There is one of them at a time, and it is not copied about.
        #[allow(clippy::large_enum_variant)]
        #[non_exhaustive]
        pub enum $enum {
            $( $(#[$variant_doc])* $variant $(($record))? $({ $( $(#[$field_doc])* $field: $type, )* })?, )*
        }

        impl $enum {
            /// The names of all methods that the table has.
            pub const METHODS: &'static [&'static str] = &[$($name,)*];

            /// The name of the method, as GetRPCMethods lists it.
            pub fn method(&self) -> &'static str {
                match self { $( Self::$variant { .. } => $name, )* }
            }

            /// The last number of the oldest namespace that has this message; an older one must not carry it (C2).
            pub fn since(&self) -> u8 {
                match self { $( Self::$variant { .. } => $since, )* }
            }

            /// Reads the message whose element `name` was entered; nothing if the table does not have it.
            pub(crate) fn read(
                name: &str,
                reader: &mut $crate::reader::Reader<'_, '_>,
            ) -> Result<Option<Self>, $crate::error::ReadError> {
                let Some(name) = name.strip_suffix($suffix) else { return Ok(None) };
                match name {
                    $(
                        $name => {
                            reader.method = $name;
                            $crate::table::read_variant!(
                                reader, $variant $(($payload: $record))? $({ $( $field: $type = $element $codec, )* })?
                            )
                            .map(Some)
                        }
                    )*
                    _ => Ok(None),
                }
            }

            /// Writes the message's element.
            pub(crate) fn write(&self, out: &mut $crate::write::Out) {
                match self {
                    $(
                        Self::$variant $(($payload))? $({ $( $field, )* })? => {
                            out.open(concat!("cwmp:", $name, $suffix));
                            $( <$record as $crate::codec::Member>::write($payload, out); )?
                            $($( <$codec as $crate::codec::Codec>::write($field, $element, out); )*)?
                            out.close(concat!("cwmp:", $name, $suffix));
                        }
                    )*
                }
            }
        }
    };
}

/// A structure of arguments; as the member of an array its element is `$name`.
macro_rules! record {
    (
        $(#[$doc:meta])*
        pub struct $struct:ident = $name:literal {
            $( $(#[$field_doc:meta])* $field:ident: $type:ty = $element:literal $codec:ty, )*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $struct { $( $(#[$field_doc])* pub $field: $type, )* }

        impl $crate::codec::Member for $struct {
            const ELEMENT: &'static str = $name;
            const TYPE: &'static str = concat!("cwmp:", $name);

            fn read(reader: &mut $crate::reader::Reader<'_, '_>) -> Result<Self, $crate::error::ReadError> {
                $crate::table::read_fields!(reader, [Self] { $( $field: $type = $element $codec, )* })
            }

            fn write(&self, out: &mut $crate::write::Out) {
                let Self { $( $field, )* } = self;
                $( <$codec as $crate::codec::Codec>::write($field, $element, out); )*
            }
        }
    };
}

pub(crate) use {messages, read_fields, read_variant, record};
