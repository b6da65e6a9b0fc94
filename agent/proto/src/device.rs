//! What a device asks of its ACS, and how it answers.

use cwmp_model::Value;

use crate::codec::{Array, Number, Strings};
use crate::table::messages;

messages! {
    /// A request of the device, but for the Inform.
    pub enum CpeRequest, suffix "" {
        /// GetRPCMethods.
        GetRpcMethods = "GetRPCMethods", since 0;
    }
}

messages! {
    /// The device's response to a request of the ACS.
    pub enum CpeResponse, suffix "Response" {
        /// GetRPCMethodsResponse.
        GetRpcMethods = "GetRPCMethods", since 0 {
            /// What the device supports.
            methods: Vec<String> = "MethodList" Strings<64>,
        };
        /// SetParameterValuesResponse.
        SetParameterValues = "SetParameterValues", since 0 {
            /// 0: applied; 1: committed, applied later.
            status: u32 = "Status" Number<0, 1>,
        };
        /// GetParameterValuesResponse.
        GetParameterValues = "GetParameterValues", since 0 {
            /// Names and values.
            values: Vec<(String, Value)> = "ParameterList" Array<(String, Value)>,
        };
        /// GetParameterNamesResponse.
        GetParameterNames = "GetParameterNames", since 0 {
            /// Names, and whether they are writable.
            names: Vec<(String, bool)> = "ParameterList" Array<(String, bool)>,
        };
        /// SetParameterAttributesResponse.
        SetParameterAttributes = "SetParameterAttributes", since 0;
        /// GetParameterAttributesResponse.
        GetParameterAttributes = "GetParameterAttributes", since 0 {
            /// Names, notifications and access lists.
            attributes: Vec<(String, u32, Vec<String>)> = "ParameterList" Array<(String, u32, Vec<String>)>,
        };
        /// AddObjectResponse.
        AddObject = "AddObject", since 0 {
            /// The number of the new row.
            number: u32 = "InstanceNumber" Number<1>,
            /// 0: applied; 1: committed, applied later.
            status: u32 = "Status" Number<0, 1>,
        };
        /// DeleteObjectResponse.
        DeleteObject = "DeleteObject", since 0 {
            /// 0: applied; 1: committed, applied later.
            status: u32 = "Status" Number<0, 1>,
        };
        /// RebootResponse.
        Reboot = "Reboot", since 0;
        /// FactoryResetResponse.
        FactoryReset = "FactoryReset", since 0;
    }
}
