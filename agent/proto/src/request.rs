//! What an ACS asks of us, and how it answers our requests.

use crate::codec::{Array, Flag, Name, Strings, Text, KEY, NAME};
use crate::message::{AttributeChange, IncomingValue};
use crate::table::messages;

messages! {
    /// A request of the ACS, with arguments within the lengths of the standard.
    pub enum Request, suffix "" {
        /// GetRPCMethods.
        GetRpcMethods = "GetRPCMethods", since 0;
        /// SetParameterValues.
        SetParameterValues = "SetParameterValues", since 0 {
            /// The values, in the order of the message.
            values: Vec<IncomingValue> = "ParameterList" Array<IncomingValue>,
            /// ParameterKey.
            parameter_key: String = "ParameterKey" Text<KEY>,
        };
        /// GetParameterValues.
        GetParameterValues = "GetParameterValues", since 0 {
            /// Names and partial paths.
            names: Vec<String> = "ParameterNames" Strings<NAME>,
        };
        /// GetParameterNames.
        GetParameterNames = "GetParameterNames", since 0 {
            /// A name, a partial path or nothing.
            path: String = "ParameterPath" Name<NAME>,
            /// Only the children.
            next_level: bool = "NextLevel" Flag,
        };
        /// SetParameterAttributes.
        SetParameterAttributes = "SetParameterAttributes", since 0 {
            /// The changes, in the order of the message.
            changes: Vec<AttributeChange> = "ParameterList" Array<AttributeChange>,
        };
        /// GetParameterAttributes.
        GetParameterAttributes = "GetParameterAttributes", since 0 {
            /// Names and partial paths.
            names: Vec<String> = "ParameterNames" Strings<NAME>,
        };
        /// AddObject.
        AddObject = "AddObject", since 0 {
            /// The table.
            object: String = "ObjectName" Name<NAME>,
            /// ParameterKey.
            parameter_key: String = "ParameterKey" Text<KEY>,
        };
        /// DeleteObject.
        DeleteObject = "DeleteObject", since 0 {
            /// The row.
            object: String = "ObjectName" Name<NAME>,
            /// ParameterKey.
            parameter_key: String = "ParameterKey" Text<KEY>,
        };
        /// Reboot.
        Reboot = "Reboot", since 0 {
            /// CommandKey.
            command_key: String = "CommandKey" Text<KEY>,
        };
        /// FactoryReset.
        FactoryReset = "FactoryReset", since 0;
    }
}

messages! {
    /// A response to one of our requests.
    pub enum Response, suffix "Response" {
        /// InformResponse.
        Inform = "Inform", since 0;
        /// GetRPCMethodsResponse.
        GetRpcMethods = "GetRPCMethods", since 0 {
            /// What the ACS supports.
            methods: Vec<String> = "MethodList" Strings<64>,
        };
        /// TransferCompleteResponse.
        TransferComplete = "TransferComplete", since 0;
    }
}
